"""Which absence a notice (frånvaroanmälan, ledighet) explains.

A notice holds over a mark of the same pupil whose lesson it overlaps according
to this table; "later" compares the modified times of mark and notice:

============================  ====================  ==============================
mark                          notice not older      notice older than the mark
============================  ====================  ==============================
oanmäld                       holds                 holds
oanmäld, explicit             holds                 the mark holds
ogiltig (confirmed)           holds                 the mark holds
ogiltig (confirmed), explicit holds                 the mark holds
============================  ====================  ==============================

So oanmäld absence is explained whenever the notice comes, before or after the
register; what a person set by hand or confirmed stands against what was known
then, and gives way to a later notice (the retroactive excuse). "Not older"
includes equal times. Only the newest version of a notice counts, and a deleted
one holds over nothing.

What a notice that holds explains: the whole minutes of the lesson that the
notices together cover, at most the invalid minutes. They become valid; so a
notice that covers at least as much as the absence explains all of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from services.ews.core.lessons import CONFIRMED, EXPLICIT, Version


@dataclass(frozen=True, slots=True)
class Notice:
    """The newest version of one notice: an interval in seconds of UTC, its end exclusive."""

    notice_id: bytes
    version: Version
    start: int
    end: int
    deleted: bool


def holds(flags: int, mark_modified: int, notice_modified: int) -> bool:
    """The table above."""
    return not flags & (CONFIRMED | EXPLICIT) or notice_modified >= mark_modified


def explained_minutes(
    notices: Iterable[Notice],
    flags: int,
    mark_modified: int,
    invalid: int,
    lesson: tuple[int, int],
) -> int:
    """How many of a mark's invalid minutes the notices turn into valid ones.

    ``lesson`` is the lesson's interval in seconds of UTC.
    """
    begin, end = lesson
    spans = sorted(
        (max(notice.start, begin), min(notice.end, end))
        for notice in notices
        if not notice.deleted
        and notice.start < end
        and notice.end > begin
        and holds(flags, mark_modified, notice.version[1])
    )
    covered = 0
    upto = begin
    for first, last in spans:
        if last > upto:
            covered += last - max(first, upto)
            upto = last
    return min(invalid, covered // 60)
