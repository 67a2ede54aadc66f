"""The comparison: each part's facts through the core under both profiles, part by part."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from google.protobuf.message import DecodeError

from forvarning.facts.v1 import facts_pb2
from services.ews.core.api import UndigestibleError
from services.ews.core.core import Core
from services.ews.core.replay import NO_OFFSET, Replay, Replayer, activation
from services.ews.core.rule import FOLDED
from services.ews.waves.inprocess import GroupStep
from services.ews.whatif.choose import Chosen
from services.ews.whatif.compare import Comparison, Period, Pupil, episodes
from services.ews.whatif.errors import WhatIfError
from services.ews.whatif.people import People
from services.ews.whatif.source import BadLine, Source, Unit

_MOST_NAMED = 20


@dataclass(slots=True)
class Answer:
    """What was asked and what came out."""

    source: str
    old: Chosen
    new: Chosen
    comparison: Comparison
    units: dict[str, Unit] = field(default_factory=dict)
    """Those asked about, by id."""
    facts: int = 0
    waves: int = 0
    """Days on which a wave was recognised in a unit or a class of it; in a folder only."""
    undigested: int = 0
    """Facts that the core refuses: they count under neither profile."""
    failed: int = 0
    """Pupils whose decision could not be made, under either profile."""
    bad_lines: list[BadLine] = field(default_factory=list)


class _Both:
    """Two cores on the same facts."""

    def __init__(self, old: Chosen, new: Chosen) -> None:
        self._chosen = (old, new)
        self._replayers = [
            Replayer([(one.profile.profile_id, one.profile.version, one.content)])
            for one in self._chosen
        ]
        self._organisers: set[bytes] = set()
        self.people = People()

    def take(self, offset: int, value: bytes, replay_of: int | None) -> bool:
        """One fact; False where the core refuses it.

        What the log activates is left out. Instead each core's own profile
        holds for everybody from the first day on.
        """
        try:
            fact = facts_pb2.Fact.FromString(value)
        except DecodeError:
            fact = facts_pb2.Fact()
        if fact.WhichOneof("body") == "profile_activated":
            return True
        organiser = fact.organiser_id
        if organiser not in self._organisers and len(organiser) == 16:
            self._organisers.add(organiser)
            for one, replayer in zip(self._chosen, self._replayers, strict=True):
                replayer.take(offset, activation(organiser, one.content))
        taken = [replayer.take(offset, value, replay_of) for replayer in self._replayers]
        if all(taken):
            self.people.note(fact)
        return all(taken)

    def finish(self, waves: Iterable[bytes]) -> list[Replay]:
        for replayer in self._replayers:
            for fact in waves:
                replayer.take(NO_OFFSET, fact)
        return [replayer.finish() for replayer in self._replayers]


async def compare(
    source: Source,
    old: Chosen,
    new: Chosen,
    *,
    period: Period,
    asked_units: Collection[str] = (),
    say: Callable[[str], None] = lambda _: None,
) -> Answer:
    """Judge all of the source's facts under both profiles.

    Only what happens within ``period`` is counted; the days before it are
    looked back on as ever. ``asked_units`` are ids or skolenhetskoder; none is
    all of them. Raises WhatIfError where the source cannot be read or a unit
    is not in it.
    """
    comparison = Comparison(period)
    answer = Answer(source.title, old, new, comparison)
    seen: dict[str, Unit] = {}
    async with source.opened() as parts:
        waves: list[bytes] = []
        if not source.has_waves and (_subtracts(old) or _subtracts(new)):
            say("looking for what whole classes were away from together")
            waves = await _recognised(source, parts)
            answer.waves = sum(bool(facts_pb2.Fact.FromString(one).wave.classes) for one in waves)
        for nth, part in enumerate(parts, 1):
            both = _Both(old, new)
            async for fact in source.facts(part):
                answer.facts += 1
                answer.undigested += not both.take(fact.offset, fact.value, fact.replay_of)
            outcome = both.finish(waves)
            answer.failed += len({one.pupil_id for found in outcome for one in found.failed})
            unit_of: dict[bytes, Unit] = {}
            for pupil, unit_id in both.people.schools(period.first, period.last).items():
                unit = source.unit(unit_id)
                seen[unit.id] = unit
                if not asked_units or {unit.id, unit.code} & set(asked_units):
                    unit_of[pupil] = unit
            comparison.add(
                {source.pupil(pupil): unit.id for pupil, unit in unit_of.items()},
                _pupils(source, unit_of, outcome),
            )
            say(f"{nth} of {len(parts)} parts: {answer.facts} facts")
    known = {name for unit in seen.values() for name in (unit.id, unit.code)}
    if strange := [unit for unit in asked_units if unit not in known]:
        listed = sorted(unit.shown for unit in seen.values())
        more = f" and {len(listed) - _MOST_NAMED} more" if len(listed) > _MOST_NAMED else ""
        raise WhatIfError(
            f"--unit {strange[0]}: no pupil is placed there. "
            f"There are: {', '.join(listed[:_MOST_NAMED])}{more}"
        )
    answer.units = {name: seen[name] for name in comparison.schools}
    answer.bad_lines = source.bad_lines
    return answer


def _subtracts(one: Chosen) -> bool:
    return any(rule.subtract_waves for family in FOLDED for rule in one.profile.rules(family))


async def _recognised(source: Source, parts: Iterable[int]) -> list[bytes]:
    """The Waves of all days of all parts together, as the group step would have written them.

    A unit's pupils may be in any part. What they add up to goes by no profile.
    """
    step = GroupStep()
    for part in parts:
        core = Core(state=False)
        async for fact in source.facts(part):
            with suppress(UndigestibleError):  # counted when it is judged
                core.apply(fact.value, fact.offset, partition=part, replay_of=fact.replay_of)
        step.take(core.collect().group_days)
    return step.due()


def _pupils(source: Source, unit_of: dict[bytes, Unit], outcome: list[Replay]) -> Iterator[Pupil]:
    old, new = (episodes(found) for found in outcome)
    for pupil in sorted(old.keys() | new.keys()):
        if pupil in unit_of:
            yield Pupil(
                source.pupil(pupil), unit_of[pupil].id, (old.get(pupil, []), new.get(pupil, []))
            )
