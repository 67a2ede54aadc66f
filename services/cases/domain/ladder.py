"""A municipality's own ladder of steps (the ``ladder`` of its rule profile), run over one case.

It adds to the statutory clocks (:mod:`.clocks`) and takes nothing from them. A ladder is run once
through a case's school year, mildest step first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from services.cases.domain.workdays import Limit, SchoolCalendar, due_day, is_working_day
from services.common.profiles import Clock, Ladder, Step

#: The stream's families by their names in a profile.
FAMILIES = {
    "sporadic": "strofranvaro",
    "long_term": "langvarig",
    "escalation": "eskalering",
    "unexcused_today": "ogiltig_idag",
    "unreported": "orapporterat",
}
#: A step with tasks and without a clock gets this one, which is ours.
OUR_LIMIT = Limit("school_days", 5)


@dataclass(frozen=True, slots=True)
class Spell:
    """A stretch in which a warning held; ``over`` is the first day on which it did not.

    ``told`` and ``level_told`` are the days on which the school learnt of it and of its level,
    where that was later than the school day itself.
    """

    family: str
    level: int
    raised: date
    level_day: date
    over: date | None
    told: date = date.min
    level_told: date = date.min


@dataclass(frozen=True, slots=True)
class Told:
    """The case came into a state on a day."""

    state: str
    day: date


@dataclass(frozen=True, slots=True)
class LadderDuty:
    """What a step asks for. ``occurrence`` is "1" the first time, "2" …, or a week."""

    step: Step
    occurrence: str
    begun: date
    due: date
    ours: bool
    """The step has no clock of its own; the limit is this system's."""


Done = Mapping[tuple[str, str], date]
"""The day on which a step's occurrence was done."""


def limit_of(clock: Clock) -> Limit:
    """The profile's clock in our terms."""
    if clock.school_days is not None:
        return Limit("school_days", clock.school_days)
    if clock.working_days is not None:
        return Limit("working_days", clock.working_days)
    if clock.months is not None:
        return Limit("months", clock.months)
    return Limit("calendar_days", clock.calendar_days or 0)


def run(
    ladder: Ladder,
    spells: Sequence[Spell],
    told: Sequence[Told],
    done: Done,
    *,
    calendar: SchoolCalendar,
    today: date,
    awake: date = date.min,
) -> list[LadderDuty]:
    """Every duty that the ladder has asked for until today, done ones included.

    No step begins before ``awake``, nor before the school was told of its ground: nobody is late
    with what nobody could know (design D8). A ground that was over by then asks for nothing.

    A step that follows on another begins on the first day, from the end of its wait on, on which
    its own trigger holds: absence that is a day late in growing worse escapes nobody. Steps that
    are only told to their recipients (no tasks, no clock) ask for nothing.
    """
    begun: dict[str, date] = {}
    found: list[LadderDuty] = []
    for step in ladder.steps:
        day = _begins(ladder, step, spells, told, awake, begun=begun, done=done, calendar=calendar)
        if day is None or day > today:
            continue
        begun[step.id] = day
        if step.tasks or step.clock or step.repeat or step.weeks:
            found += _occurrences(step, day, done, calendar, today)
    return found


def _begins(
    ladder: Ladder,
    step: Step,
    spells: Sequence[Spell],
    told: Sequence[Told],
    awake: date,
    *,
    begun: Mapping[str, date],
    done: Done,
    calendar: SchoolCalendar,
) -> date | None:
    if step.after is None:
        return min(_reached(ladder, step, spells, told, awake), default=None)
    if step.after.counted_from == "begun":
        base = begun.get(step.after.step)
    else:
        base = done.get((step.after.step, "1"))
    if base is None:
        return None
    if step.after.wait is not None:
        base = due_day(base, limit_of(step.after.wait), calendar)
    return min(_holds_from(step, spells, told, max(base, awake)), default=None)


def _reached(
    ladder: Ladder, step: Step, spells: Sequence[Spell], told: Sequence[Told], awake: date
) -> Iterator[date]:
    """The days on which a step that follows on nothing is begun."""
    if step.trigger.case_state is not None:
        yield from (max(one.day, awake) for one in told if one.state == step.trigger.case_state)
        return
    for spell in spells:
        family = FAMILIES.get(spell.family, "")
        # Of the way up only its beginning and its highest level are known.
        reached = [(max(spell.level_day, spell.level_told), spell.level)]
        if spell.level_day > spell.raised:
            reached.append((max(spell.raised, spell.told), 1))
        for day, level in reached:
            begins = max(day, awake)
            if ladder.step(family, level) is step and (spell.over is None or begins < spell.over):
                yield begins


def _holds_from(
    step: Step, spells: Sequence[Spell], told: Sequence[Told], first: date
) -> Iterator[date]:
    """The first days from ``first`` on, one for each ground, on which the trigger holds."""
    trigger = step.trigger
    if trigger.case_state is not None:
        ordered = sorted(told, key=lambda one: one.day)
        for one, following in zip(ordered, [*ordered[1:], None], strict=True):
            until = following.day if following else None
            if one.state == trigger.case_state and (until is None or until > first):
                yield max(one.day, first)
        return
    for spell in spells:
        if FAMILIES.get(spell.family) != trigger.family or spell.level < trigger.least:
            continue
        since = (
            max(spell.raised, spell.told)
            if trigger.least == 1
            else max(spell.level_day, spell.level_told)
        )
        if spell.over is None or spell.over > max(since, first):
            yield max(since, first)


def _occurrences(
    step: Step, begun: date, done: Done, calendar: SchoolCalendar, today: date
) -> Iterator[LadderDuty]:
    if step.weeks:
        yield from _weeks(step, begun, today)
        return
    limit = limit_of(step.clock) if step.clock else None
    if step.repeat is None:
        due = due_day(begun, limit or OUR_LIMIT, calendar)
        yield LadderDuty(step, "1", begun, due, ours=limit is None)
        return
    again = limit_of(step.repeat)
    start, number = begun, 1
    while start <= today:
        key = str(number)
        yield LadderDuty(step, key, start, due_day(start, limit or again, calendar), ours=False)
        finished = done.get((step.id, key))
        if finished is None:
            # One that waits is enough; they do not heap up.
            return
        following = due_day(start, again, calendar)
        start = following if following > finished else due_day(finished, again, calendar)
        number += 1


def _weeks(step: Step, begun: date, today: date) -> Iterator[LadderDuty]:
    """One for each named ISO week that has begun since."""
    monday = begun - timedelta(days=begun.weekday())
    while monday <= today:
        year, week, _ = monday.isocalendar()
        friday = monday + timedelta(days=4)
        if week in step.weeks and friday >= begun:
            working = [day for day in _days(monday) if is_working_day(day)]
            start, due = max(begun, monday), max(working, default=friday)
            yield LadderDuty(step, f"{year}-v{week:02d}", start, max(start, due), ours=False)
        monday += timedelta(days=7)


def _days(monday: date) -> Iterable[date]:
    return (monday + timedelta(days=offset) for offset in range(5))
