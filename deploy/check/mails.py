"""Caught mail and received calls, as notices with their causes."""

from __future__ import annotations

import email.policy
import json
import mailbox
from collections.abc import Iterable, Iterator
from email.parser import BytesParser
from email.utils import parsedate_to_datetime
from pathlib import Path

from deploy.check.notices import CASE_MAIL, DUTIES, READING, SAME_DAY, WEBHOOK, Notice
from deploy.check.receiver import Received
from services.common.clock import school_date
from services.notify.texts import absence_today, case_waits, duties_due, read_with_reason

#: At most one of each a day and person.
_A_DAY = {absence_today(None).subject: SAME_DAY, duties_due(1, "").subject: DUTIES}
_CASE_SUBJECT = case_waits("", "").subject
_READING_SUBJECT = read_with_reason("").subject


class UnknownMailError(ValueError):
    """A mail that is none of the texts this project sends."""


def mails(file: Path) -> Iterator[Notice]:
    """Every mail of the catcher's mbox, oldest first."""
    if not file.exists():
        return
    box = mailbox.mbox(file, create=False)
    try:
        for key in box.keys():  # noqa: SIM118 - iterating gives messages, with their words undecoded
            message = BytesParser(policy=email.policy.default).parsebytes(box.get_bytes(key))
            address = str(message["X-Envelope-To"]).strip()
            subject = str(message["Subject"])
            yield Notice(str(message["Message-ID"]), _cause(address, subject, str(message["Date"])))
    finally:
        box.close()


def _cause(address: str, subject: str, date: str) -> tuple[str, ...]:
    if subject in _A_DAY:
        day = school_date(parsedate_to_datetime(date)).isoformat()
        return (_A_DAY[subject], address, day)
    if subject == _READING_SUBJECT:
        return (READING, address)
    if subject.startswith(_CASE_SUBJECT):
        return (CASE_MAIL, address, subject.removeprefix(_CASE_SUBJECT).strip())
    raise UnknownMailError(f"a mail with the subject {subject!r} was caught")


def calls(received: Iterable[Received]) -> Iterator[Notice]:
    """Every webhook call, those without an answer included: they were received."""
    for call in received:
        body = json.loads(call.body)
        cause = (WEBHOOK, str(body["data"]["case_number"]), str(body["type"]))
        yield Notice(call.webhook_id, cause)
