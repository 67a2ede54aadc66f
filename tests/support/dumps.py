"""A database as a file, and back: PostgreSQL's own pg_dump and psql."""

from __future__ import annotations

import gzip
import os
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from deploy.local.postgres import binaries


def dump(dsn: str, file: Path) -> None:
    """The whole database, owners, grants and policies included; roles are the server's."""
    text = _client("pg_dump", dsn)
    file.parent.mkdir(parents=True, exist_ok=True)
    with gzip.GzipFile(file, "wb", mtime=0) as packed:
        packed.write(text)


def restore(dsn: str, file: Path) -> None:
    """Into an empty database; the first error ends it."""
    _client(
        "psql", dsn, "--quiet", "-v", "ON_ERROR_STOP=1", text=gzip.decompress(file.read_bytes())
    )


def _client(program: str, dsn: str, *arguments: str, text: bytes | None = None) -> bytes:
    url = urlsplit(dsn)
    done = subprocess.run(
        [
            str(binaries() / program), f"--host={url.hostname}", f"--port={url.port}",
            f"--username={url.username}", "--no-password", *arguments,
            f"--dbname={url.path[1:].partition('?')[0]}",
        ],
        input=text, check=False, capture_output=True, timeout=120,
        env={"PATH": os.environ.get("PATH", ""), "PGPASSWORD": url.password or ""},
    )  # fmt: skip
    if done.returncode != 0:
        raise AssertionError(f"{program}: {done.stderr.decode()[-2000:]}")
    return done.stdout
