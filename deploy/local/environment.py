"""What the local stack tells each service: its settings, and only its own secrets."""

from __future__ import annotations

import json
import os
import secrets
import shlex
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import SecretStr

from services.common.settings import CommonSettings, MigrateSettings, OracleSettings

PREFIX = "FORVARNING_"
_SECRETS = (
    "ingest_database_password",
    "cases_database_password",
    "notify_database_password",
    "ingest_ops_token",
    "cases_ops_token",
    "notify_ops_token",
    "cases_demo_password",
)


def load_secrets(path: Path) -> dict[str, str]:
    """The stack's passwords and tokens: made at the first start, then kept (mode 0600)."""
    known: dict[str, str] = {}
    if path.exists():
        known = json.loads(path.read_text(encoding="utf-8"))
    missing = [name for name in _SECRETS if name not in known]
    if missing:
        known |= {name: secrets.token_urlsafe(24) for name in missing}
        new = path.with_suffix(".new")
        new.touch(mode=0o600)
        new.write_text(json.dumps(known, indent=1), encoding="utf-8")
        new.replace(path)
    return known


def service_url(admin_url: str, service: str, password: str) -> str:
    """The database URL of one service's role, on the server and database of ``admin_url``."""
    parts = urlsplit(admin_url)
    address = parts.netloc.rpartition("@")[2]
    role = f"forvarning_{service}:{quote(password, safe='')}"
    return urlunsplit(parts._replace(netloc=f"{role}@{address}"))


def database_values(admin_url: str, known: Mapping[str, str]) -> dict[str, str]:
    """Every database setting of migration and services, by field name."""
    urls = {
        f"{service}_database_url": service_url(
            admin_url, service, known[f"{service}_database_password"]
        )
        for service in ("ingest", "cases", "notify")
    }
    return {**urls, "owner_database_url": admin_url}


def for_settings(kind: type[CommonSettings], values: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process that reads ``kind``: only the fields it declares."""
    return {f"{PREFIX}{name.upper()}": values[name] for name in kind.model_fields if name in values}


def write_for_commands(path: Path, values: Mapping[str, str]) -> None:
    """Write what `forvarning oracle`, `dlq`, `source` … need to reach this stack, for a shell.

    ``. PATH`` sets it. It holds the operator's tokens, so it is for the owner only; no password
    of the database is in it.
    """
    chosen = for_settings(OracleSettings, values) | {
        f"{PREFIX}{name.upper()}": values[name]
        for name in ("ingest_ops_token", "ingest_url")
        if name in values
    }
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in chosen.items()]
    new = path.with_suffix(".new")
    new.touch(mode=0o600)
    new.write_text("".join(lines), encoding="utf-8")
    new.replace(path)


def inherited() -> dict[str, str]:
    """Our own environment: what the user set for a service passes through."""
    return dict(os.environ)


def migrate_settings(values: Mapping[str, str]) -> MigrateSettings:
    """The settings of `forvarning migrate`, for a call within this process."""
    return MigrateSettings(
        owner_database_url=SecretStr(values["owner_database_url"]),
        ingest_database_password=SecretStr(values["ingest_database_password"]),
        cases_database_password=SecretStr(values["cases_database_password"]),
        notify_database_password=SecretStr(values["notify_database_password"]),
    )
