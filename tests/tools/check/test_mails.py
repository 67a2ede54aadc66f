"""Mail sent by the notify service's own channel through the real catcher, and read as notices."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import aiosmtplib
import pytest
from aiosmtpd.controller import Controller
from pydantic import SecretStr

from deploy.check.mails import UnknownMailError, calls, mails
from deploy.check.notices import CASE_MAIL, DUTIES, READING, SAME_DAY, WEBHOOK, Notice
from deploy.check.receiver import Received
from deploy.local.mailcatcher import Store, _Handler
from deploy.local.process import free_port
from services.common.settings import NotifySettings
from services.notify.mail import Mail, MailChannel
from services.notify.texts import (
    absence_today,
    absence_today_adult,
    case_waits,
    duties_due,
    read_with_reason,
)

FIRST, SECOND, THIRD = (UUID(int=number) for number in (1, 2, 3))
# Half past eleven in the evening in Stockholm; already the next day nowhere that counts.
AT = datetime(2026, 11, 24, 22, 30, tzinfo=UTC)


@contextmanager
def _catching(file: Path) -> Iterator[int]:
    """A catcher that writes to ``file``; its SMTP port."""
    store, port = Store(file), free_port()
    controller = Controller(_Handler(store), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()
        store._box.close()


def _caught(file: Path, *sent: Mail) -> None:
    with _catching(file) as port:
        settings = NotifySettings(
            notify_database_url=SecretStr("postgresql://unused"),
            notify_ops_token=SecretStr("unused"),
            notify_smtp_port=port,
            notify_smtp_starttls=False,
        )
        for mail in sent:
            asyncio.run(MailChannel(settings).send(mail))


def test_each_text_is_known_by_its_cause(tmp_path: Path) -> None:
    file = tmp_path / "mail.mbox"
    _caught(
        file,
        Mail(FIRST, "g1@example.org", absence_today("010-000 00 00"), AT),
        Mail(SECOND, "elev@example.net", absence_today_adult(None), AT),
        Mail(THIRD, "karin@example.com", case_waits("F-2026-00042", "http://127.0.0.1"), AT),
        Mail(UUID(int=4), "karin@example.com", duties_due(3, "http://127.0.0.1"), AT),
        Mail(UUID(int=5), "rolf@example.com", read_with_reason("http://127.0.0.1"), AT),
    )
    found = list(mails(file))
    assert [notice.cause for notice in found] == [
        (SAME_DAY, "g1@example.org", "2026-11-24"),
        (SAME_DAY, "elev@example.net", "2026-11-24"),
        (CASE_MAIL, "karin@example.com", "F-2026-00042"),
        (DUTIES, "karin@example.com", "2026-11-24"),
        (READING, "rolf@example.com"),
    ]
    assert str(FIRST) in found[0].id
    assert len({notice.id for notice in found}) == 5


def test_no_mail_at_all(tmp_path: Path) -> None:
    assert list(mails(tmp_path / "none.mbox")) == []


def test_a_mail_that_nobody_knows_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "mail.mbox"
    with _catching(file) as port:
        asyncio.run(
            aiosmtplib.send(
                "From: a@example.org\r\nSubject: Hej\r\n\r\nHej\r\n",
                sender="a@example.org",
                recipients=["b@example.org"],
                hostname="127.0.0.1",
                port=port,
                start_tls=False,
            )
        )
    with pytest.raises(UnknownMailError, match="Hej"):
        list(mails(file))


def test_calls_are_read_whatever_they_were_answered() -> None:
    body = json.dumps(
        {"type": "case.opened", "data": {"case_id": "c", "case_number": "F-2026-00042"}}
    ).encode()
    received = [Received("w1", "1", "v1,x", body, 0), Received("w1", "1", "v1,x", body, 204)]
    assert list(calls(received)) == [Notice("w1", (WEBHOOK, "F-2026-00042", "case.opened"))] * 2
