"""The rules once more, as plainly as they can be said: every mark in a dict, no NumPy.

It shares nothing with services.ews.core but the profile's data. It is slow on
purpose: what it holds is read off the set of facts, day by day, rule by rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from forvarning.facts.v1 import facts_pb2 as f
from services.ews.core.profile import FAMILIES, PATTERNS, Measure, Profile, Rule, Span
from tests.model import signals

STOCKHOLM = ZoneInfo("Europe/Stockholm")
EPOCH = date(1970, 1, 1)
TODAY = FAMILIES["ogiltig_idag"]
FOLDED = (FAMILIES["strofranvaro"], FAMILIES["langvarig"], FAMILIES["eskalering"])
STRENGTH = {None: 0, "calm": 1, "between": 2, "fires": 3}
NOTED = (Measure.LEAVE_DAYS, Measure.UNUSUAL_REPORTS)


def rank(version: f.Version) -> tuple[int, int, int]:
    return (version.priority, version.modified_unix_ms, version.sequence)


def as_date(day: int) -> date:
    return EPOCH + timedelta(days=day)


def _wave_rank(wave: f.Wave) -> tuple[int, int, bytes]:
    told = wave.SerializeToString(deterministic=True)
    return wave.partitions_closed, wave.revision_sum, told


def year_of(day: int) -> int:
    when = as_date(day)
    return when.year if (when.month, when.day) >= (7, 1) else when.year - 1


@dataclass
class Seen:
    """A mark as it counts: minutes after the notices."""

    lesson: Any
    offered: int
    reported: bool
    valid: int
    unexplained: int
    confirmed: int
    other: int
    timetabled: bool
    late: int
    early: int

    def of(self, metric: str) -> int:
        return {
            "total": self.valid + self.unexplained + self.confirmed,
            "valid": self.valid,
            "invalid": self.unexplained + self.confirmed,
            "unexplained": self.unexplained,
        }[metric]


@dataclass
class Upto:
    """A pupil's school days up to one, with the day on which windows end."""

    pupil: bytes
    days: list[int]
    end: int
    seen: dict[int, list[Seen]]
    fired: dict[int, dict[int, dict[str, tuple[int, str | None]]]]
    """By family and day, the level and verdict of each rule."""
    marks: dict[int, list[Seen]]
    """The marks as they are, waves and all."""


class Model:
    """Give it all facts in any order; ask what is true."""

    def __init__(self, profiles: dict[bytes, Profile]) -> None:
        self.by_digest = profiles
        self.lessons: dict[Any, Any] = {}
        self.timetabled: set[Any] = set()
        self.marks: dict[Any, Any] = {}
        self.notices: dict[Any, Any] = {}
        self.placements: dict[Any, Any] = {}
        self.closed: dict[Any, Any] = {}
        self.waves: dict[Any, Any] = {}
        self.activations: list[tuple[bytes, Any]] = []
        self.erased: set[bytes] = set()

    @staticmethod
    def _newest(held: dict[Any, Any], key: Any, value: Any, version: f.Version) -> None:
        if key not in held or rank(held[key][1]) < rank(version):
            held[key] = (value, version)

    def take(self, fact: f.Fact) -> None:
        match fact.WhichOneof("body"):
            case "register":
                self._register(fact.organiser_id, fact.register)
            case "notice":
                one = fact.notice
                self._newest(self.notices, (one.pupil_id, one.notice_id), one, one.version)
            case "placement":
                self._newest(
                    self.placements,
                    (fact.placement.pupil_id, fact.placement.placement_id),
                    fact.placement,
                    fact.placement.version,
                )
            case "day_closed":
                closed = fact.day_closed
                key = (fact.organiser_id, closed.school_unit_id, closed.epoch_day)
                self._newest(self.closed, key, closed.kind, closed.version)
            case "wave":
                wave = fact.wave
                key = (fact.organiser_id, wave.school_unit_id, wave.epoch_day)
                held = self.waves.get(key)
                if held is None or _wave_rank(held) < _wave_rank(wave):
                    self.waves[key] = wave
            case "profile_activated":
                self.activations.append((fact.organiser_id, fact.profile_activated))
            case "erase":
                self.erased.add(fact.erase.pupil_id)

    def _register(self, organiser: bytes, register: f.Register) -> None:
        lesson = (
            organiser,
            register.home_id,
            register.bucket,
            register.lesson_id,
            register.epoch_day,
        )
        self._newest(self.lessons, lesson, register, register.version)
        if register.state == f.LESSON_STATE_SCHEDULED:
            self.timetabled.add(lesson)
        for i in range(len(register.pupil_ids) // 16):
            pupil = register.pupil_ids[16 * i : 16 * i + 16]
            if not register.flags[i] & (f.MARK_FLAG_REPORTED | f.MARK_FLAG_WITHDRAWN):
                self.timetabled.add(lesson)
            self._newest(
                self.marks,
                (pupil, lesson),
                (
                    register.offered_minutes[i],
                    register.valid_minutes[i],
                    register.invalid_minutes[i],
                    register.other_minutes[i],
                    register.flags[i],
                    register.arrived_late_minutes[i] if register.arrived_late_minutes else 0,
                    register.left_early_minutes[i] if register.left_early_minutes else 0,
                ),
                register.version,
            )

    # -- what is true of a pupil ----------------------------------------------------------

    def pupils(self) -> list[tuple[bytes, bytes]]:
        """(organiser, pupil) of everybody with a mark."""
        return sorted({(lesson[0], pupil) for pupil, lesson in self.marks})

    def seen(self, organiser: bytes, pupil: bytes) -> dict[int, list[Seen]]:
        """The pupil's marks that count, by day, in the order of the day."""
        by_day: dict[int, list[Seen]] = {}
        for (whose, key), (mark, version) in self.marks.items():
            if whose != pupil or key[0] != organiser:
                continue
            lesson = self.lessons[key][0]
            offered, valid, invalid, other, flags, late, early = mark
            if lesson.state == f.LESSON_STATE_CANCELLED or flags & f.MARK_FLAG_WITHDRAWN:
                continue
            if offered == 0:
                continue
            reported = bool(flags & f.MARK_FLAG_REPORTED)
            if not reported:
                valid = invalid = other = 0
            explained = min(invalid, self._covered(pupil, lesson, flags, version))
            valid, invalid = valid + explained, invalid - explained
            confirmed = invalid if flags & f.MARK_FLAG_INVALID_CONFIRMED else 0
            by_day.setdefault(key[4], []).append(
                Seen(
                    lesson,
                    offered,
                    reported,
                    valid,
                    invalid - confirmed,
                    confirmed,
                    other,
                    key in self.timetabled,
                    late,
                    early,
                )
            )
        for one in by_day.values():
            one.sort(key=lambda seen: (seen.lesson.start_minute, seen.lesson.lesson_id))
        return by_day

    def _covered(self, pupil: bytes, lesson: f.Register, flags: int, version: f.Version) -> int:
        """Whole minutes of the lesson covered by notices that hold over the mark."""
        when = as_date(lesson.epoch_day)
        local = datetime(
            when.year,
            when.month,
            when.day,
            lesson.start_minute // 60,
            lesson.start_minute % 60,
            tzinfo=STOCKHOLM,
        )
        begin = int(local.astimezone(UTC).timestamp())
        seconds: set[int] = set()
        for (whose, _), (notice, told) in self.notices.items():
            if whose != pupil or notice.deleted:
                continue
            firm = flags & (f.MARK_FLAG_EXPLICIT | f.MARK_FLAG_INVALID_CONFIRMED)
            if firm and told.modified_unix_ms < version.modified_unix_ms:
                continue
            first = max(begin, notice.start_unix_s)
            last = min(begin + 60 * lesson.length_minutes, notice.end_unix_s)
            seconds.update(range(first, last))
        return len(seconds) // 60

    def place(self, pupil: bytes, day: int, seen: dict[int, list[Seen]]) -> tuple[bytes, int]:
        """Unit and school form on a day."""
        active = self._placement(pupil, day)
        if active is not None:
            return active.school_unit_id, active.school_form
        units = sorted(one.lesson.school_unit_id for one in seen.get(day, []))
        return (units[0], 0) if units else (b"", 0)

    def _placement(self, pupil: bytes, day: int) -> Any:
        active = [
            (one.member_from_day, rank(version), one.placement_id, one)
            for (whose, _), (one, version) in self.placements.items()
            if whose == pupil
            and not one.deleted
            and one.school_year == year_of(day)
            and one.member_from_day <= day
            and (one.member_to_day == 0 or day < one.member_to_day)
        ]
        return max(active, key=lambda row: row[:3])[3] if active else None

    def is_school_day(
        self, organiser: bytes, pupil: bytes, day: int, seen: dict[int, list[Seen]]
    ) -> bool:
        active = self._placement(pupil, day)
        units = (
            {active.school_unit_id}
            if active is not None
            else {one.lesson.school_unit_id for one in seen.get(day, [])}
        )
        return any(
            self.closed.get((organiser, unit, day), (0, None))[0] == f.DAY_KIND_SCHOOL_DAY
            for unit in units
        )

    def profile(self, organiser: bytes, unit: bytes, form: int, day: int) -> Profile | None:
        fitting = [
            (
                bool(one.school_unit_ids),
                bool(one.school_forms),
                one.valid_from_day,
                rank(one.version),
                one,
            )
            for whose, one in self.activations
            if whose == organiser
            and one.valid_from_day <= day
            and (not one.school_unit_ids or unit in one.school_unit_ids)
            and (not one.school_forms or form in one.school_forms)
        ]
        if not fitting:
            return None
        return self.by_digest[max(fitting, key=lambda row: row[:4])[4].digest]

    # -- episodes ---------------------------------------------------------------------------

    def truth(self) -> dict[tuple[bytes, int, int], list[dict[str, Any]]]:
        """Every thread with an episode: (pupil, family, school year) to its episodes."""
        found: dict[tuple[bytes, int, int], list[dict[str, Any]]] = {}
        for organiser, pupil in self.pupils():
            if pupil in self.erased:
                continue
            seen = self.seen(organiser, pupil)
            days = {day for _, _, day in self.closed} | set(seen)
            for year in sorted({year_of(day) for day in days}):
                mine = sorted(
                    day
                    for day in days
                    if year_of(day) == year and self.is_school_day(organiser, pupil, day, seen)
                )
                fired: dict[int, dict[int, dict[str, tuple[int, str | None]]]] = {}
                for family in FOLDED:
                    told = self._fold(organiser, pupil, family, mine, seen, fired)
                    if told:
                        found[pupil, family, year] = told
                told = self._today(organiser, pupil, year, seen)
                if told:
                    found[pupil, TODAY, year] = told
        return found

    def _today(
        self, organiser: bytes, pupil: bytes, year: int, seen: dict[int, list[Seen]]
    ) -> list[dict[str, Any]]:
        told = []
        for day in sorted(seen):
            if year_of(day) != year:
                continue
            profile = self.profile(organiser, *self.place(pupil, day, seen), day)
            best: Rule | None = None
            for rule in profile.rules(TODAY) if profile else ():
                value = sum(one.of(rule.metric.value) for one in seen[day])
                fires = value >= rule.threshold if rule.inclusive else value > rule.threshold
                if fires and (best is None or rule.level > best.level):
                    best = rule
            if best is not None and profile is not None:
                upto = Upto(pupil, [day], day, seen, {}, seen)
                episode = self._tell(best, profile, day, upto)
                episode["figures"]["run_days"] = 0
                told.append({**episode, "raised_day": day, "resolved_day": 0, "relapse": False})
        return told

    def _fold(  # noqa: PLR0917  # whose days, and what fired on them
        self,
        organiser: bytes,
        pupil: bytes,
        family: int,
        days: list[int],
        seen: dict[int, list[Seen]],
        fired: dict[int, dict[int, dict[str, tuple[int, str | None]]]],
    ) -> list[dict[str, Any]]:
        told: list[dict[str, Any]] = []
        calm = self._without_waves(organiser, pupil, seen)
        in_a_row: dict[str, int] = {}
        resolved_at = 0
        fired[family] = {}
        for i, day in enumerate(days):
            profile = self.profile(organiser, *self.place(pupil, day, seen), day)
            if profile is None or not profile.rules(family):
                continue

            def upto(rule: Rule, i: int = i, day: int = day) -> Upto:
                looked_at = calm if rule.subtract_waves else seen
                return Upto(pupil, days[: i + 1], day, looked_at, fired, seen)

            verdicts = [
                self._strongest(rule, upto(rule))[0]
                if not (rule.subtract_waves and self._waits(organiser, pupil, day, seen))
                else None
                for rule in profile.rules(family)
            ]
            fired[family][day] = {
                rule.rule_id: (rule.level, verdict)
                for rule, verdict in zip(profile.rules(family), verdicts, strict=True)
            }
            if all(verdict is None for verdict in verdicts):
                continue
            best: Rule | None = None
            awake: dict[str, int] = {}
            for rule, verdict in zip(profile.rules(family), verdicts, strict=True):
                if verdict == "fires":
                    awake[rule.rule_id] = 0
                    if best is None or rule.level > best.level:
                        best = rule
                elif rule.rule_id in in_a_row:
                    count = in_a_row[rule.rule_id]
                    if verdict == "calm":
                        count += 1
                    elif verdict == "between":
                        count = 0
                    if count < rule.resolve_days:
                        awake[rule.rule_id] = count
            in_a_row = awake
            last = told[-1] if told else None
            if last is not None and last["resolved_day"] == 0:
                if best is not None and best.level > last["level"]:
                    last.update(self._tell(best, profile, day, upto(best)))
                if not awake:
                    last["resolved_day"] = day
                    resolved_at = i
            elif best is not None:
                quiet = last is not None and i - resolved_at <= profile.families[family].quiet_days
                if last is None or not quiet or best.level > last["level"]:
                    told.append(
                        {
                            **self._tell(best, profile, day, upto(best)),
                            "raised_day": day,
                            "resolved_day": 0,
                            "relapse": last is not None,
                        }
                    )
        return told

    def _wave_of(
        self, organiser: bytes, pupil: bytes, day: int, seen: dict[int, list[Seen]]
    ) -> int:
        """What the Wave of the day says of the pupil's class, else of the whole unit."""
        active = self._placement(pupil, day)
        unit = active.school_unit_id if active else self.place(pupil, day, seen)[0]
        wave = self.waves.get((organiser, unit, day))
        told = {one.class_id: one.explained_permille for one in wave.classes} if wave else {}
        return int(told.get(active.class_id if active else b"", told.get(b"", 0)))

    def _waits(self, organiser: bytes, pupil: bytes, day: int, seen: dict[int, list[Seen]]) -> bool:
        """Neither the day's Wave nor a later DayClosed of the unit is in."""
        unit = self.place(pupil, day, seen)[0]
        closed = {at: held[0] for (_, whose, at), held in self.closed.items() if whose == unit}
        if (organiser, unit, day) in self.waves or closed.get(day) != f.DAY_KIND_SCHOOL_DAY:
            return False
        return day == int(max(closed))

    def _without_waves(
        self, organiser: bytes, pupil: bytes, seen: dict[int, list[Seen]]
    ) -> dict[int, list[Seen]]:
        """The marks with valid absence of days with a wave taken out of what was offered."""
        found: dict[int, list[Seen]] = {}
        for day, marks in seen.items():
            found[day] = marks
            if not self._wave_of(organiser, pupil, day, seen):
                continue
            left = [replace(one, offered=one.offered - one.valid, valid=0) for one in marks]
            if not any(one.offered for one in left if one.reported):
                left = [replace(one, reported=False) for one in left]
            found[day] = left
        return found

    def _window(self, rule: Rule, upto: Upto) -> list[int]:
        """The school days that the rule looks back on."""
        days, last = upto.days, as_date(upto.end)
        match rule.window.span:
            case Span.SCHOOL_DAYS:
                return days[-rule.window.length :]
            case Span.CALENDAR_MONTH:
                return [d for d in days if as_date(d).replace(day=1) == last.replace(day=1)]
            case Span.TERM:
                return [d for d in days if self._term(d) == self._term(upto.end)]
            case Span.CALENDAR_DAYS:
                return [d for d in days if upto.end - d < rule.window.length]
            case Span.SCHOOL_YEAR:
                return [d for d in days if year_of(d) == year_of(upto.end)]
            case Span.DAY:
                return days[-1:]
            case Span.RUN:
                run = self._run(rule.metric.value, days, upto.seen)
                return [d for d in days if d >= run[0]] if run else days[-1:]

    @staticmethod
    def _term(day: int) -> tuple[int, bool]:
        return as_date(day).year, as_date(day).month >= 7

    def _ends(self, rule: Rule, upto: Upto) -> list[int]:
        """The days with which the rule's windows end when it is judged on the last school day."""
        if rule.judged is None:
            return [upto.end]
        found = []
        today = upto.days[-1]
        before = upto.days[-2] if len(upto.days) > 1 else -1
        for day in range(max(before + 1, today - 366), today + 1):
            when = as_date(day)
            if year_of(day) == year_of(today) and (when.month, when.day) in rule.judged:
                found.append(day)
            if rule.judged == () and when.day == 1 and year_of(day - 1) == year_of(today):
                found.append(day - 1)
        return found

    def _at(self, rule: Rule, upto: Upto) -> list[tuple[str | None, Upto]]:
        """The verdict for each of the ends, with the days up to it."""
        found = []
        for end in self._ends(rule, upto):
            days = [day for day in upto.days if day <= end]
            ending = replace(upto, days=days, end=end)
            found.append((self._verdict(rule, ending), ending))
        return found

    def _strongest(self, rule: Rule, upto: Upto) -> tuple[str | None, Upto]:
        """The last of the strongest verdicts."""
        best: tuple[str | None, Upto] = (None, upto)
        for verdict, ending in self._at(rule, upto):
            if STRENGTH[verdict] >= STRENGTH[best[0]]:
                best = (verdict, ending)
        return best

    @staticmethod
    def _run(metric: str, days: list[int], seen: dict[int, list[Seen]]) -> list[int]:
        """The absent days of the run that reaches the last of ``days``, oldest first."""
        run: list[int] = []
        for day in reversed(days):
            said = [one for one in seen.get(day, []) if one.reported]
            if not said:
                continue
            there = any(one.offered - one.of("total") > 0 for one in said)
            if there or any(one.of(metric) != one.of("total") for one in said):
                break
            run.insert(0, day)
        return run

    @staticmethod
    def _occasions(metric: str, window: list[int], seen: dict[int, list[Seen]]) -> int:
        """Unbroken stretches: the window's reported lessons in a row, present ones dividing."""
        in_a_row = [one for day in window for one in seen.get(day, []) if one.reported]
        stretches, away = 0, False
        for one in in_a_row:
            if one.of(metric) and not away:
                stretches += 1
            away = bool(one.of(metric))
        return stretches

    def _value(self, rule: Rule, upto: Upto) -> Fraction | None:
        metric = rule.metric.value
        days, seen = upto.days, upto.seen
        window = self._window(rule, upto)
        said = [one for day in window for one in seen.get(day, []) if one.reported]
        offered = sum(one.offered for one in said)
        absent = sum(one.of(metric) for one in said)
        match rule.measure:
            case Measure.SHARE:
                return Fraction(100 * absent, offered) if offered else None
            case Measure.MINUTES:
                return Fraction(absent)
            case Measure.OCCASIONS:
                return Fraction(self._occasions(metric, window, seen))
            case Measure.RUN_DAYS:
                return Fraction(len(self._run(metric, days, seen)))
            case Measure.CHANGE:
                before_said, before_absent = self._baseline(rule, upto)
                if not before_said or not offered:
                    return None
                baseline = Fraction(
                    before_absent + rule.prior_absent, before_said + rule.prior_minutes
                )
                return Fraction(absent, offered) / baseline
            case Measure.TURNING:
                return self._turned(rule, upto)
            case Measure.LEAVE_DAYS | Measure.UNUSUAL_REPORTS:
                return Fraction(sum(self._noted(rule, upto, day) for day in window))
            case _:
                return signals.value(rule, window, seen)

    def _baseline(self, rule: Rule, upto: Upto) -> tuple[int, int]:
        """Minutes reported and absent on the school days before the window."""
        window = self._window(rule, upto)
        said = [
            one
            for day in upto.days
            if day not in window
            for one in upto.seen.get(day, [])
            if one.reported
        ]
        return sum(one.offered for one in said), sum(one.of(rule.metric.value) for one in said)

    def _turned(self, rule: Rule, upto: Upto) -> Fraction | None:
        into = {
            name: told
            for name, told in upto.fired[rule.turns_into].get(upto.end, {}).items()
            if not rule.into_rules or name in rule.into_rules
        }
        if all(verdict is None for _, verdict in into.values()):
            return None
        before = any(
            verdict == "fires"
            for day in self._window(rule, upto)
            if day < upto.end
            for name, (_, verdict) in upto.fired[rule.turns_from].get(day, {}).items()
            if rule.turns_from != rule.turns_into or name not in rule.into_rules
        )
        levels = [level for level, verdict in into.values() if verdict == "fires"]
        return Fraction(max(levels, default=0) if before else 0)

    def _noted(self, rule: Rule, upto: Upto, day: int) -> int:
        """What the notices tell of one school day."""
        mine = [one for (whose, _), (one, _) in self.notices.items() if whose == upto.pupil]
        mine = [one for one in mine if not one.deleted]

        def local(seconds: int) -> int:
            return (datetime.fromtimestamp(seconds, STOCKHOLM).date() - EPOCH).days

        if rule.measure is Measure.LEAVE_DAYS:
            return int(
                any(
                    one.kind == f.NOTICE_KIND_LEAVE
                    and local(one.start_unix_s) <= day <= local(one.end_unix_s - 1)
                    for one in mine
                )
            )
        reports = [
            one
            for one in mine
            if one.kind == f.NOTICE_KIND_ABSENCE_REPORT and one.reported_by != f.REPORTED_BY_STAFF
        ]
        count = 0
        for one in reports:
            start = local(one.start_unix_s)
            if (
                year_of(start) != year_of(day)
                or min((d for d in upto.days if d >= start), default=-1) != day
            ):
                continue
            accounts = [
                other.reporter_id
                for other in reports
                if other.reporter_id
                and (other.start_unix_s, other.notice_id) < (one.start_unix_s, one.notice_id)
                and year_of(local(other.start_unix_s)) == year_of(start)
            ]
            placed = self._placement(upto.pupil, start)
            by_itself = (
                one.reported_by == f.REPORTED_BY_PUPIL
                and placed is not None
                and placed.school_form in (1, 2, 3, 4, 5)
            )
            strange = (
                one.reporter_id != b"" and len(accounts) >= 3 and one.reporter_id not in accounts
            )
            count += by_itself or strange
        return count

    def _verdict(self, rule: Rule, upto: Upto) -> str | None:
        days, seen = upto.days, upto.seen
        if not days or len(days) < rule.min_membership_days:
            return None
        window = self._window(rule, upto)
        every = [one for day in window for one in seen.get(day, [])]
        said = [one for one in every if one.reported]
        reported = sum(one.offered for one in said)
        daily = rule.judged is None and rule.measure not in (*NOTED, Measure.TURNING)
        if daily and not any(one.reported for one in seen.get(days[-1], [])):
            return None
        value = self._value(rule, upto)
        if value is None:
            return None
        guarded = rule.measure not in (*NOTED, Measure.TURNING, Measure.RUN_DAYS)
        if guarded:
            if reported < max(rule.min_offered_minutes, 1):
                return None
            rate_known = any(one.timetabled for one in every)
            offered = sum(one.offered for one in every)
            if rate_known and Fraction(100 * reported, offered) < Fraction(rule.min_reporting_rate):
                return None
        threshold = Fraction(rule.threshold)
        fires = value >= threshold if rule.inclusive else value > threshold
        metric = rule.metric.value
        if guarded:
            absent = [day for day in window if any(one.of(metric) for one in seen.get(day, []))]
            minutes = sum(one.of(metric) for one in said)
            fires = (
                fires
                and minutes >= rule.min_absence_minutes
                and len(absent) >= rule.min_absence_days
                and self._occasions(metric, window, seen) >= rule.min_occasions
            )
            if rule.min_days_since_first:
                fires = fires and any(
                    any(one.of(metric) for one in seen.get(day, []))
                    for day in days
                    if self._term(day) == self._term(upto.end)
                    and day <= upto.end - rule.min_days_since_first
                )
            if rule.measure is Measure.CHANGE:
                before_said, before_absent = self._baseline(rule, upto)
                fires = fires and Fraction(minutes, reported) > Fraction(before_absent, before_said)
        if fires:
            return "fires"
        return "calm" if value < Fraction(rule.resolve_below) else "between"

    def _tell(self, rule: Rule, profile: Profile, day: int, upto: Upto) -> dict[str, Any]:
        metric = rule.metric.value
        upto = self._strongest(rule, upto)[1] if rule.judged is not None else upto
        days, seen = upto.days, upto.seen
        window = self._window(rule, upto)
        every = [one for at in window for one in seen.get(at, [])]
        value = self._value(rule, upto)
        assert value is not None
        base = self._baseline(rule, upto) if rule.measure is Measure.CHANGE else (0, 0)
        named = window
        if rule.measure in NOTED:
            named = [at for at in window if self._noted(rule, upto, at)]
        return {
            "level": rule.level,
            "level_day": day,
            "rule_id": rule.rule_id,
            "profile": (profile.profile_id, profile.version),
            "figures": {
                "window_first_day": window[0],
                "window_last_day": window[-1],
                "offered": sum(one.offered for one in every),
                "reported": sum(one.offered for one in every if one.reported),
                "valid": sum(one.valid for one in every),
                "invalid_unexplained": sum(one.unexplained for one in every),
                "invalid_confirmed": sum(one.confirmed for one in every),
                "other": sum(one.other for one in every),
                "absence_occasions": self._occasions(metric, window, seen),
                "absence_days": sum(
                    any(one.of(metric) for one in seen.get(at, [])) for at in window
                ),
                "run_days": len(self._run("total", days, upto.marks)),
                "shared": sum(one.valid for at in window for one in upto.marks.get(at, []))
                - sum(one.valid for one in every),
                "reporting_rate_known": any(one.timetabled for one in every),
                "value": round(float(value), 9),
                "threshold": float(rule.threshold),
                "pattern": self._pattern(rule, window, seen),
                "baseline_reported": base[0],
                "baseline_absent": base[1],
            },
            "lessons": list(self._lessons(rule, named, seen, upto.marks))[:60],
        }

    @staticmethod
    def _pattern(rule: Rule, window: list[int], seen: dict[int, list[Seen]]) -> Any:
        if rule.measure not in PATTERNS:
            return None
        found = signals.gathering(rule, window, seen)
        assert found is not None
        one = found[0]
        return (
            PATTERNS.index(rule.measure) + 1,
            *one,
            round(100 * one.absent / one.reported, 9),
            round(100 * one.absent_elsewhere / one.elsewhere, 9),
        )

    @staticmethod
    def _lessons(
        rule: Rule,
        window: list[int],
        seen: dict[int, list[Seen]],
        every_mark: dict[int, list[Seen]],
    ) -> Iterator[tuple[Any, ...]]:
        counts = signals.that_count(rule, window, seen)
        for day in reversed(window):
            pairs = zip(seen.get(day, []), every_mark.get(day, []), strict=True)
            for counted, one in reversed(list(pairs)):
                if counted.of(rule.metric.value) and counts(day, counted):
                    yield (
                        one.lesson.lesson_id,
                        day,
                        one.lesson.start_minute,
                        one.lesson.length_minutes,
                        one.lesson.subject,
                        one.offered,
                        one.valid,
                        one.unexplained,
                        one.confirmed,
                    )


def truth_of(facts: Iterable[bytes], profiles: dict[bytes, Profile]) -> Any:
    """The model's truth about encoded facts."""
    model = Model(profiles)
    for value in facts:
        model.take(f.Fact.FromString(value))
    return model.truth()


def told_by(events: Iterable[Any]) -> Any:
    """The same shape, from the last WarningEvent of each thread."""
    found: dict[Any, Any] = {}
    for event in events:
        episodes = []
        for one in event.episodes:
            if one.state == 3:
                continue
            figures = {
                name: getattr(one.figures, name) for name in one.figures.DESCRIPTOR.fields_by_name
            }
            figures["value"] = round(figures["value"], 9)
            pattern = one.figures.pattern
            figures["pattern"] = (
                (
                    pattern.kind,
                    pattern.cell,
                    pattern.lessons_reported,
                    pattern.lessons_absent,
                    pattern.elsewhere_reported,
                    pattern.elsewhere_absent,
                    round(pattern.share, 9),
                    round(pattern.elsewhere_share, 9),
                )
                if one.figures.HasField("pattern")
                else None
            )
            episodes.append(
                {
                    "level": one.level,
                    "level_day": one.level_day,
                    "rule_id": one.rule_id,
                    "profile": (one.profile_id, one.profile_version),
                    "figures": figures,
                    "lessons": [
                        tuple(getattr(ground, name) for name in ground.DESCRIPTOR.fields_by_name)
                        for ground in one.lessons
                    ],
                    "raised_day": one.raised_day,
                    "resolved_day": one.resolved_day,
                    "relapse": bool(one.relapse_of),
                }
            )
        if episodes:
            found[event.pupil_id, event.family, event.school_year] = episodes
    return found
