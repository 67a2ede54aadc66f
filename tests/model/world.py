"""Random little worlds: a set of facts that exercise every rule of convergence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

from hypothesis import strategies as st

from forvarning.facts.v1 import facts_pb2 as f
from tests.model import choices
from tests.model.choices import DAYS
from tests.model.profiles import CONTENTS
from tests.model.shown import PUPILS, World
from tests.unit.ews.facts import CLASS, HOME, OTHER_UNIT, School, name

UNITS = (HOME, OTHER_UNIT)
STARTS = (480, 600, 770, 600)
"""The last lesson has the time of another one; the lunch break begins at 11:00."""
# valid, invalid, other, flags, offered
R, C, X, W = 1, 2, 4, 8
KINDS = (
    (0, 0, 0, R, 60),
    (0, 0, 0, R, 60),
    (60, 0, 0, R, 60),
    (0, 60, 0, R, 60),
    (0, 60, 0, R, 60),
    (0, 60, 0, R | C, 60),
    (0, 60, 0, R | X, 60),
    (0, 60, 0, R | C | X, 60),
    (0, 20, 0, R, 60),
    (10, 50, 0, R, 60),
    (20, 0, 40, R, 60),
    (0, 0, 0, 0, 60),
    (0, 60, 0, 0, 60),
    (0, 60, 0, R | W, 60),
    (0, 0, 0, R, 0),
    (45, 0, 0, R, 45),
    (0, 15, 0, R, 60, 15),
    (0, 10, 0, R, 60, 0, 10),
)
SUBJECTS = ("MA", "SV", "EN", "")


def _instant(day: int, minute: int) -> int:
    """About that local time; what exactly does not matter to the comparison."""
    return int(datetime(1970, 1, 1, tzinfo=UTC).timestamp()) + day * 86_400 + (minute - 60) * 60


def _lesson(day: int, slot: int) -> bytes:
    return name(day * 10_000 + STARTS[slot] + slot // 3, "lesson" + HOME.hex())


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A world of three pupils, nine days and two units."""
    base = (draw(choices.BASE) - date(1970, 1, 1)).days
    school = School()
    facts: list[bytes] = []

    def version(modified: int, priority: int = 1) -> f.Version:
        return school.version(modified=1_000 * modified, priority=priority)

    activated = draw(choices.ACTIVATED)
    always = draw(choices.ALWAYS)
    for which, (units, valid_from) in [*activated, (always, (0, -500))]:
        profile_id, number, content = CONTENTS[which]
        facts.append(
            school.profile(
                content,
                profile_id=profile_id,
                version=number,
                valid_from=base + valid_from,
                units=[OTHER_UNIT] if units else [],
                forms=[f.SCHOOL_FORM_COMPULSORY] if valid_from == 5 else [],
            )
        )
    for pupil, number, first, length, unit, deleted in draw(choices.PLACED):
        years = {2026, 2027} if first == 0 else {2026 if base < 20_999 else 2027}
        facts.extend(
            school.placement(
                pupil,
                base + first,
                base + max(first, 0) + length if length else 0,
                unit=UNITS[unit],
                number=number + 10 * year,
                deleted=deleted,
                school_year=year,
            )
            for year in sorted(years)
        )
    lessons = draw(choices.LESSONS)
    grid = draw(choices.GRID)
    whole = draw(choices.WHOLE_DAYS)
    for day in range(DAYS):
        for slot in range(lessons):
            marks: dict[int, tuple[int, ...]] = {}
            for pupil in range(PUPILS):
                all_day = whole[day * PUPILS + pupil]
                byte = all_day if all_day >= 128 else grid[(day * 4 + slot) * PUPILS + pupil]
                marks[pupil] = KINDS[byte % len(KINDS)]
            facts.append(
                school.register(
                    base + day,
                    STARTS[slot],
                    marks,
                    lesson=_lesson(base + day, slot),
                    subject=SUBJECTS[slot],
                    version=version(5),
                )
            )
    closings = draw(choices.CLOSINGS)
    for day in range(DAYS):
        kinds: Sequence[int] = (1, 1, 1, 1, 1, 1, 2, 0)
        kind = kinds[closings[day] % 8]
        if kind:
            facts.append(school.closed(base + day, kind))
        if closings[day] % 3 == 0:
            facts.append(school.closed(base + day, 1, OTHER_UNIT))
        if closings[day] % 16 == 15:
            facts.append(school.closed(base + day, 3))
    for day, unit, own, whole_unit, partitions in draw(choices.WAVES):
        classes = {CLASS: own, b"": whole_unit}
        facts.append(
            school.wave(
                base + day,
                {key: told for key, told in classes.items() if told is not None},
                partitions=partitions,
                unit=UNITS[unit],
            )
        )
    for day, slot, unit, state, modified, kind_bytes, who in draw(choices.CORRECTIONS):
        patch: dict[int, tuple[int, ...]] = {
            pupil: KINDS[kind_bytes[pupil] % len(KINDS)]
            for pupil in range(PUPILS)
            if who >> pupil & 1
        }
        if state == 1:
            patch = {pupil: (0, 0, 0, 0, mark[4]) for pupil, mark in patch.items()}
        facts.append(
            school.register(
                base + day,
                STARTS[slot],
                patch,
                unit=UNITS[unit],
                lesson=_lesson(base + day, slot),
                state=state,
                subject=SUBJECTS[modified % 4],
                version=version(modified, 1 + (modified == 9)),
            )
        )
    # A school system sends its last days again: the same, and sometimes with a newer time.
    said = [one for one in map(f.Fact.FromString, facts) if one.HasField("register")]
    for place, later in draw(choices.SENT_AGAIN):
        if said:
            register = said[place % len(said)].register
            stamp = register.version.modified_unix_ms // 1_000 + later
            register.version.CopyFrom(version(stamp, register.version.priority))
            facts.append(school.fact(register=register))
    for pupil, number, day, minute, length, modified, deleted, kind in draw(choices.NOTICES):
        start = _instant(base + day, minute) + 7 * modified
        facts.append(
            school.notice(
                pupil,
                start,
                start + 60 * length,
                number,
                deleted=deleted,
                version=version(modified),
                kind=kind,
            )
        )
    # Short reports from some accounts: what they explain is little, who made them tells.
    for pupil, number, day, by, account, modified, deleted in draw(choices.REPORTS):
        start = _instant(base + day, 500 + number % 3)
        facts.append(
            school.notice(
                pupil,
                start,
                start + 600,
                number,
                deleted=deleted,
                version=version(modified),
                by=by,
                account=account,
            )
        )
    if draw(choices.ERASED) == 19:
        facts.append(school.erase(0))
    return World(
        facts,
        draw(choices.SEED),
        draw(choices.REPEATS),
        draw(choices.STOPS),
    )
