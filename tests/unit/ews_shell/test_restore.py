"""State that this version cannot read stops the worker before it takes any fact."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from forvarning.state.v1.state_pb2 import BucketValue, StateValue
from services.ews import restore
from services.ews.core.core import Core
from services.ews.errors import LogMismatchError

KEY = b"b:" + b":".join((b"0" * 32, b"1" * 32, b"3"))


def test_state_of_another_version_names_the_command_that_mends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = StateValue(bucket=BucketValue(pupil_ids=b"p" * 16)).SerializeToString()

    async def one_row(*_: object) -> AsyncIterator[Any]:
        yield SimpleNamespace(partition=4, key=KEY, value=row)

    monkeypatch.setattr(restore, "read_to_end", one_row)
    found = {4: restore.Restored(Core())}
    reading = restore._read_changelog(  # the whole needs a broker
        cast("Any", None), "ews.state.v1", found, lambda: None
    )
    with pytest.raises(LogMismatchError) as refused:
        asyncio.run(reading)
    assert str(refused.value).startswith("ews.state.v1[4]: the state has layout 0, this version ")
    assert "`forvarning ews mend --partition 4 --rebuild`" in str(refused.value)
