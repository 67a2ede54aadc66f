"""`python -m services.notify`."""

from __future__ import annotations

from services.common import http, logging
from services.common.settings import NotifySettings
from services.notify.main import build

if __name__ == "__main__":
    settings = NotifySettings()
    logging.configure("notify", settings.log_level)
    http.run(build(settings), settings.listen_host, settings.listen_port)
