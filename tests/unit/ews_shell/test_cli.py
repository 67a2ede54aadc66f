"""The operator's commands: what they say, without a broker."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from typer.testing import CliRunner

from services.ews import cli
from services.ews.dlq import Letter, Outcome


def _letter(partition: int, origin: int, reason: str = "malformed") -> Letter:
    return Letter(partition, origin, "fact", reason, "no Fact", 0, 1_800_000_000_000, b"k", b"v")


def test_dlq_list_and_dry_run_show_and_send_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def letters(*_: object) -> list[Letter]:
        return [_letter(0, 7), _letter(1, 9, "core")]

    async def never(*_: object, **__: object) -> None:
        raise AssertionError("sent")

    monkeypatch.setattr(cli, "open_letters", letters)
    monkeypatch.setattr(cli, "send_again", never)
    listed = CliRunner().invoke(cli.dlq, ["list", "--reason", "core"])
    assert listed.exit_code == 1
    assert "core" in listed.output
    assert "malformed" not in listed.output
    dry = CliRunner().invoke(cli.dlq, ["replay", "--dry-run"])
    assert dry.exit_code == 0
    assert "2 would be sent; nothing has been" in dry.output


def test_dlq_replay_says_what_could_not_be_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    async def letters(*_: object) -> list[Letter]:
        return [_letter(0, 7), _letter(0, 8)]

    async def send(*_: object, told: Callable[[Outcome], None], **__: object) -> None:
        told(Outcome(_letter(0, 7), 99))
        told(Outcome(_letter(0, 8), None))

    monkeypatch.setattr(cli, "open_letters", letters)
    monkeypatch.setattr(cli, "send_again", send)
    result = CliRunner().invoke(cli.dlq, ["replay"])
    assert result.exit_code == 1
    assert "offset 7: sent, now at offset 99" in result.output
    assert "offset 8: its bytes are no longer in the log" in result.output
    assert "1 sent, 1 not." in result.output


def test_dlq_without_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    async def letters(*_: object) -> list[Letter]:
        return []

    monkeypatch.setattr(cli, "open_letters", letters)
    assert CliRunner().invoke(cli.dlq, ["list"]).output == "No dead letters.\n"
    assert CliRunner().invoke(cli.dlq, ["replay"]).exit_code == 0


def test_mend_refuses_a_partition_that_is_not_there() -> None:
    result = CliRunner().invoke(cli.ews, ["mend", "--partition", "4000"])
    assert result.exit_code == 2
    assert "there are partitions 0 to" in result.output
