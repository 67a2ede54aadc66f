"""Make the secrets of a new installation: ``python -m deploy.image.make_secrets ROOT``.

Writes one file a secret below ``ROOT/<reader>/``, one folder for each process that reads them, so
that each can be given its own and no other's. What exists is never changed: passwords stay valid.
The compose file runs it once before everything else; elsewhere use your own secret store.
"""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from urllib.parse import quote

SERVICES = ("ingest", "cases", "notify")
DATABASE = "forvarning"
HOST = "postgres"


def make(root: Path) -> list[Path]:
    """Write what is missing; returns the files written."""
    written: list[Path] = []

    def keep(reader: str, name: str, value: str) -> str:
        """Write unless it is there; returns what holds."""
        file = root / reader / name
        if file.exists():
            return file.read_text(encoding="utf-8").strip()
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_name(f".{name}.new")
        new.write_text(value, encoding="utf-8")
        # The containers run under different accounts; a folder reaches one container only.
        new.chmod(0o444)
        new.replace(file)
        written.append(file)
        return value

    superuser = keep("postgres", "superuser_password", _token())
    keep("migrate", "owner_database_url", _url("postgres", superuser))
    keep("retention", "owner_database_url", _url("postgres", superuser))
    for service in SERVICES:
        password = keep("migrate", f"{service}_database_password", _token())
        keep(service, f"{service}_database_url", _url(f"forvarning_{service}", password))
        token = keep(service, f"{service}_ops_token", _token())
        if service != "ingest":
            keep("oracle", f"{service}_ops_token", token)
    keep("grafana", "admin_password", _token())
    return written


def _url(role: str, password: str) -> str:
    return f"postgresql://{role}:{quote(password, safe='')}@{HOST}:5432/{DATABASE}"


def _token() -> str:
    return secrets.token_urlsafe(32)


def main() -> None:
    """The command."""
    if len(sys.argv) != 2:
        sys.exit("Give the folder: python -m deploy.image.make_secrets ROOT")
    for file in make(Path(sys.argv[1])):
        print(f"made {file}")


if __name__ == "__main__":
    main()
