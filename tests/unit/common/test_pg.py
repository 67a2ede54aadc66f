"""Which errors are waited out, and which are the work's own fault."""

from __future__ import annotations

import ssl

import asyncpg
import pytest
from asyncpg.exceptions import _base

from services.common.pg import is_away


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError("nobody listens"),
        TimeoutError(),
        ssl.SSLCertVerificationError("certificate has expired"),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.InternalClientError("unexpected connection_lost() call"),
        asyncpg.ClientConfigurationError("sslrootcert is not readable"),
        asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
        asyncpg.CannotConnectNowError("the database system is starting up"),
        asyncpg.AdminShutdownError("terminating connection due to administrator command"),
        asyncpg.CrashShutdownError("terminating connection because of crash"),
        asyncpg.QueryCanceledError("canceling statement due to statement timeout"),
        asyncpg.TooManyConnectionsError("sorry, too many clients already"),
        asyncpg.InvalidPasswordError("the password is being changed"),
        asyncpg.DeadlockDetectedError("deadlock detected"),
        asyncpg.SerializationError("could not serialize access"),
    ],
)
def test_the_database_away_is_waited_for(error: Exception) -> None:
    assert is_away(error)


@pytest.mark.parametrize(
    "error",
    [
        _base.DataError("invalid input for query argument $1: value out of int32 range"),
        asyncpg.DataError("invalid input"),
        asyncpg.UniqueViolationError("duplicate key"),
        asyncpg.UndefinedTableError("relation does not exist"),
        ValueError("not a date"),
    ],
)
def test_what_the_database_refuses_is_not(error: Exception) -> None:
    assert not is_away(error)
