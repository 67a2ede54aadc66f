"""A service for the launcher's tests: ready at once, says who it is, ends when told.

``python fake_service.py PORT [--ignore-sigterm] [--fail]``. ``/pid`` gives its pid, ``/env`` its
FORVARNING_ variables' names, ``/die`` ends it with status 7, every other path answers 200.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/die":
            os._exit(7)
        body = {"/pid": str(os.getpid())}.get(self.path, "ok")
        if self.path == "/env":
            body = json.dumps({k: v for k, v in os.environ.items() if k.startswith("FORVARNING_")})
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its name there
        pass


def main() -> None:
    if "--fail" in sys.argv:
        sys.exit("FORVARNING_SOMETHING is missing")
    ignored = "--ignore-sigterm" in sys.argv
    signal.signal(signal.SIGTERM, signal.SIG_IGN if ignored else signal.SIG_DFL)
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), _Handler).serve_forever()


main()
