"""The container's health check: ``python -m deploy.image.health [/readyz]``.

It asks the service itself, on the port that its settings name, and exits 0 only for 200: the
endpoint tests what the service needs to do its work, not that a process exists.
"""

from __future__ import annotations

import http.client
import os
import sys


def main(path: str = "/readyz") -> int:
    """0 when the service answers 200 on ``path``, else 1 with the reason."""
    port = int(os.environ["FORVARNING_LISTEN_PORT"])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=4)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read(1000).decode(errors="replace")
    except OSError as error:
        print(f"no answer on port {port}: {error}")
        return 1
    print(f"{answer.status} {body}")
    return 0 if answer.status == http.client.OK else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
