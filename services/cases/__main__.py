"""`python -m services.cases`: the case service, until SIGTERM."""

from __future__ import annotations

from services.cases.app import build
from services.common.http import run
from services.common.logging import configure
from services.common.settings import CasesSettings


def main() -> None:
    settings = CasesSettings()
    configure("cases", settings.log_level)
    run(build(settings), settings.listen_host, settings.listen_port)


if __name__ == "__main__":
    main()
