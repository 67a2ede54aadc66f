"""What homes report: frånvaroanmälan and leave, and from when an absence is explained."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

import numpy as np
import numpy.typing as npt

from bench.simulator.attendance import Cause, Spell, Truth
from bench.simulator.events import NEVER, NoticeEvent
from bench.simulator.seeds import rng
from bench.simulator.trajectories import UNAUTHORISED
from bench.simulator.world import World
from services.common.clock import local_instant

MINUTE = 60_000
DAY = 24 * 60
_LONG_SPELL = 10


def millis(world: World, day: int, minute: int) -> int:
    """Unix ms of local ``minute`` on school day ``day``; beyond the day by the wall clock."""
    days, rest = divmod(minute, DAY)
    when = world.days[day] + timedelta(days=days)
    return round(local_instant(when, rest).timestamp() * 1000)


@dataclass(slots=True)
class Explained:
    """Every notice of the year, by arrival, and when each pupil's day became explained."""

    notices: list[NoticeEvent]
    since: npt.NDArray[np.int64]
    """[pupil, day] -> Unix ms from which the day's absence is explained; NEVER otherwise."""
    abusers: set[int]
    """Pupils who report themselves with a guardian's login."""


class _Home:
    """Builds one pupil's notices.

    Which account reports is drawn from no generator: it follows from the keys, so
    that nothing else of the year changes with it. In one home of three both
    guardians report; a pupil with a guardian's login has that of the one who
    usually reports (which no account can give away), or the other's.
    """

    def __init__(
        self, world: World, truth: Truth, pupil: int, since: npt.NDArray[np.int64]
    ) -> None:
        self.world, self.truth, self.pupil, self.since = world, truth, pupil, since
        self.rng = rng(world.config.seed, "notices", pupil)
        self.found: list[NoticeEvent] = []

    def _adult(self, day: int) -> bool:
        born, when = self.world.pupils[self.pupil].born, self.world.days[day]
        return (when.year - born.year, when.month, when.day) >= (18, born.month, born.day)

    def _account(self, by: str, number: int, *, abused: bool) -> str | None:
        pupil = self.world.pupils[self.pupil]
        if by == "staff":
            return None
        if by == "pupil" or not pupil.guardians:
            return str(self._uuid(pupil.id))
        home, other = pupil.guardians[0], pupil.guardians[-1]
        if abused:
            return str(self._uuid(other if self._uuid(pupil.id, "login").int % 2 else home))
        both = self._uuid(home, "both").int % 3 == 0
        turn = self._uuid(pupil.id, str(number)).int % 3 == 0
        return str(self._uuid(other if both and turn else home))

    def _uuid(self, *keys: str) -> UUID:
        told = "|".join((str(self.world.config.seed), "account", *keys))
        return UUID(bytes=hashlib.sha256(told.encode()).digest()[:16], version=4)

    def add(
        self,
        arrival: int,
        first: int,
        span: tuple[int, int],
        *,
        kind: str,
        by: str,
        abused: bool = False,
    ) -> None:
        """``span`` = start and end in local minutes from midnight of day ``first``."""
        number = len(self.found) + 1
        self.found.append(
            NoticeEvent(
                id=f"n-{self.pupil + 1}-{number}",
                arrival=arrival,
                modified=arrival,
                pupil=self.pupil,
                kind=kind,
                start=millis(self.world, first, span[0]),
                end=millis(self.world, first, span[1]),
                reported_by=by,
                reporter=self._account(by, number, abused=abused),
                deleted=False,
            )
        )

    def _arrival(self, day: int, reporting: float) -> int | None:
        """When the home explains a day at school missed; None for never."""
        rates, draw = self.world.config.rates, float(self.rng.random()) / reporting
        if draw < rates.notice_before:
            evening = self.rng.random() < 0.1
            minute = int(self.rng.integers(1080, 1320)) - DAY if evening else 0
            return millis(self.world, day, minute or int(self.rng.integers(375, 476)))
        if draw < rates.notice_before + rates.notice_same_day:
            return millis(self.world, day, int(self.rng.integers(540, 960)))
        if draw < rates.notice_before + rates.notice_same_day + rates.notice_later:
            later = int(self.rng.integers(1, 5))
            return millis(self.world, day, later * DAY + int(self.rng.integers(420, 1260)))
        return None

    def _explain(self, first: int, last: int, arrival: int) -> None:
        own = self.since[self.pupil, first : last + 1]
        np.minimum(own, arrival, out=own)

    def illness(self, spell: Spell) -> None:
        """Day by day, or the whole spell at once; sent home from school: the staff's word."""
        days = self.world.days
        length = spell.last - spell.first + 1
        reporting = 1.03 if spell.cause is Cause.REFUSAL else 1.0
        whole = length >= _LONG_SPELL or (length > 1 and self.rng.random() < 0.35)
        own = self.truth.cause[self.pupil, spell.first]
        missed = np.flatnonzero(own == spell.cause)
        sent_home = (
            len(missed) > 0 and missed[0] > 0 and self.truth.offered[self.pupil, spell.first, 0]
        )
        first = spell.first
        if sent_home:
            minute = 490 + 65 * int(missed[0])
            by = "staff" if not self._adult(first) else "pupil"
            at = millis(self.world, first, minute - 10)
            self.add(at, first, (minute - 10, DAY), kind="absence_report", by=by)
            self._explain(first, first, at)
            first += 1
        while first <= spell.last:
            last = spell.last if whole else first
            arrival = self._arrival(first, reporting)
            if arrival is not None:
                minutes = ((days[last] - days[first]).days + 1) * DAY
                by = "pupil" if self._adult(first) else "guardian"
                self.add(arrival, first, (0, minutes), kind="absence_report", by=by)
                self._explain(first, last, arrival)
            first = last + 1

    def leave(self, spell: Spell) -> None:
        """Granted days ahead (skollagen 7 kap. 18 §)."""
        days = self.world.days
        ahead = int(self.rng.integers(5, 40))
        arrival = millis(self.world, spell.first, 600 - ahead * DAY)
        minutes = ((days[spell.last] - days[spell.first]).days + 1) * DAY
        self.add(arrival, spell.first, (0, minutes), kind="leave", by="staff")
        self._explain(spell.first, spell.last, arrival)

    def skipped_days(self, abuser: bool) -> None:
        """Mostly never explained; some afterwards, some by the pupil with a guardian's login."""
        rates = self.world.config.rates
        cause = self.truth.cause[self.pupil]
        for day in np.flatnonzero((cause == Cause.SKIP).any(axis=1)):
            draw = float(self.rng.random())
            slots = np.flatnonzero(cause[day] == Cause.SKIP)
            if abuser and draw < rates.login_abuse_days:
                start = 480 + 60 * int(slots[0])
                end = min(DAY, 560 + 75 * int(slots[-1]))
                arrival = millis(self.world, int(day), int(self.rng.integers(630, 930)))
                told = {"kind": "absence_report", "by": "guardian"}
                self.add(arrival, int(day), (start, end), **told, abused=True)
                self._explain(int(day), int(day), arrival)
            elif draw > 1 - rates.skip_excused_later:
                later = int(self.rng.integers(0, 5)) * DAY + int(self.rng.integers(960, 1260))
                arrival = millis(self.world, int(day), later)
                self.add(arrival, int(day), (0, DAY), kind="absence_report", by="guardian")
                self._explain(int(day), int(day), arrival)

    def slips(self) -> None:
        """A notice for the wrong day, taken back within the hour."""
        if self.rng.random() >= self.world.config.rates.notice_deleted:
            return
        day = int(self.rng.integers(5, len(self.world.days)))
        arrival = millis(self.world, day, -DAY + int(self.rng.integers(420, 1200)))
        self.add(arrival, day, (0, DAY), kind="absence_report", by="guardian")
        given = self.found[-1]
        back = arrival + int(self.rng.integers(2, 60)) * MINUTE
        self.found[-1:] = [
            given,
            replace(given, arrival=back, modified=back, deleted=True),
        ]


def explain(world: World, truth: Truth) -> Explained:
    """All notices of the year, sorted by arrival."""
    since = np.full(truth.cause.shape[:2], NEVER, dtype=np.int64)
    spells: dict[int, list[Spell]] = {}
    for spell in truth.spells:
        spells.setdefault(spell.pupil, []).append(spell)
    notices: list[NoticeEvent] = []
    abusers: set[int] = set()
    for pupil in range(len(world.pupils)):
        home = _Home(world, truth, pupil, since)
        abuser = bool(
            truth.courses[pupil].trajectory in UNAUTHORISED
            and home.rng.random() < world.config.rates.login_abuse
        )
        if abuser:
            abusers.add(pupil)
        for spell in spells.get(pupil, []):
            if spell.cause in (Cause.ILL, Cause.REFUSAL):
                home.illness(spell)
            elif spell.cause is Cause.LEAVE:
                home.leave(spell)
        home.skipped_days(abuser)
        home.slips()
        notices += home.found
    notices.sort(key=lambda notice: (notice.arrival, notice.id, notice.deleted))
    return Explained(notices, since, abusers)
