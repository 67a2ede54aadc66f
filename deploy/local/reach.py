"""Whether servers of one's own can be used, said before anything is started."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy.local.process import LocalStackError

_SECONDS = 10.0
_OLDEST_POSTGRES = 15


class ServerUnusableError(LocalStackError):
    """A server of one's own cannot be used; the text says which and why."""


def check_kafka(bootstrap: str) -> None:
    """Connect once; ServerUnusableError names the option and the fix."""
    host, _, port = bootstrap.rpartition(":")
    if not host or not port.isdigit():
        raise ServerUnusableError(f"--kafka {bootstrap}: write HOST:PORT, for instance kafka:9092.")

    async def connect() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=5000)
        try:
            await admin.start()
            await admin.list_topics()
        finally:
            await admin.close()

    try:
        asyncio.run(asyncio.wait_for(connect(), _SECONDS))
    except (KafkaError, OSError, TimeoutError) as error:
        raise ServerUnusableError(
            f"--kafka {bootstrap}: no broker answers there ({_words(error)}). Is it running, and "
            "is that the address that it advertises to clients?"
        ) from error


def check_postgres(url: str) -> None:
    """Connect once as the given role; it must be able to make roles and schemas."""
    shown = _without_password(url)

    async def connect() -> tuple[int, bool]:
        connection = await asyncpg.connect(url, timeout=_SECONDS)
        try:
            able = await connection.fetchval(
                "SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user"
            )
            return connection.get_server_version().major, bool(able)
        finally:
            await connection.close()

    try:
        major, able = asyncio.run(connect())
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        raise ServerUnusableError(
            f"--postgres {shown}: cannot connect ({_words(error)}). The URL reads "
            "postgresql://USER:PASSWORD@HOST:PORT/DATABASE, and the database must exist."
        ) from error
    if major < _OLDEST_POSTGRES:
        raise ServerUnusableError(
            f"--postgres {shown}: that is PostgreSQL {major}; {_OLDEST_POSTGRES} or later is "
            "needed."
        )
    if not able:
        raise ServerUnusableError(
            f"--postgres {shown}: this role may not make roles. Use a superuser, or one with "
            "CREATEROLE, for the launcher; the services get roles of their own."
        )


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
