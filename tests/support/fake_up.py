"""`forvarning up` with fake services: ``python -m tests.support.fake_up DATA [NAME=PORT ...]``.

Servers, schemas and topics are the real ones.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from deploy.local.console import Screen
from deploy.local.options import Addresses, StackOptions
from deploy.local.service import ServiceSpec
from deploy.local.up import Stopper, run_stack
from services.common.settings import CasesSettings, IngestSettings

ROOT = Path(__file__).resolve().parents[2]
FAKE = str(Path(__file__).with_name("fake_service.py"))


def plan(at: Addresses) -> Iterator[ServiceSpec]:
    """Two services under names that the launcher knows."""
    for name, port, kind in (("ingest", "ingest", IngestSettings), ("cases", "web", CasesSettings)):
        number = at.ports.get(port)
        yield ServiceSpec(name, (FAKE, str(number)), at.environment(kind, port), port=number)


def main() -> None:
    asked = {name: int(number) for name, _, number in (a.partition("=") for a in sys.argv[2:])}
    options = StackOptions(
        data=Path(sys.argv[1]), ports=asked, kafka_jvm=("-XX:TieredStopAtLevel=1",)
    )
    sys.exit(run_stack(options, plan, Screen(), Stopper()))


if __name__ == "__main__":
    main()
