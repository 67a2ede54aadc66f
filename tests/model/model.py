"""The rules once more, as plainly as they can be said: every mark in a dict, no NumPy.

It shares nothing with services.ews.core but the profile's data. It is slow on
purpose: what it holds is read off the set of facts, day by day, rule by rule.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from forvarning.facts.v1 import facts_pb2 as f
from services.ews.core.profile import FAMILIES, Profile, Rule
from tests.model.record import Record, Seen, year_of
from tests.model.rules import Upto, strongest, term
from tests.model.told import tell

TODAY = FAMILIES["ogiltig_idag"]
FOLDED = (FAMILIES["strofranvaro"], FAMILIES["langvarig"], FAMILIES["eskalering"])


class Model(Record):
    """Give it all facts in any order; ask what is true."""

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
                    if year_of(day) == year and self.is_school_day(organiser, pupil, day)
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
            profile = self.profile(organiser, *self.place(organiser, pupil, day), day)
            best: Rule | None = None
            for rule in profile.rules(TODAY) if profile else ():
                value = sum(one.of(rule.metric.value) for one in seen[day])
                fires = value >= rule.threshold if rule.inclusive else value > rule.threshold
                if fires and (best is None or rule.level > best.level):
                    best = rule
            if best is not None and profile is not None:
                upto = Upto(self, pupil, [day], day, seen, {}, seen)
                episode = tell(best, profile, day, upto)
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
        calm = self.without_waves(organiser, pupil)
        in_a_row: dict[str, int] = {}
        resolved_at = 0
        fired[family] = {}
        for i, day in enumerate(days):
            profile = self.profile(organiser, *self.place(organiser, pupil, day), day)
            if profile is None or not profile.rules(family):
                continue

            def upto(rule: Rule, i: int = i, day: int = day) -> Upto:
                looked_at = calm if rule.subtract_waves else seen
                return Upto(self, pupil, days[: i + 1], day, looked_at, fired, seen)

            verdicts = [
                strongest(rule, upto(rule))[0]
                if not (rule.subtract_waves and self.waits(organiser, pupil, day))
                else None
                for rule in profile.rules(family)
            ]
            fired[family][day] = {
                rule.rule_id: (rule.level, verdict)
                for rule, verdict in zip(profile.rules(family), verdicts, strict=True)
            }
            if all(verdict is None for verdict in verdicts):
                continue
            family_rules = profile.families[family]
            open_since = told[-1]["raised_day"] if told and not told[-1]["resolved_day"] else day
            over = family_rules.ends_with_term and term(open_since) != term(day)
            if over:
                told[-1]["resolved_day"] = day
                in_a_row, resolved_at = {}, -1000
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
                    last.update(tell(best, profile, day, upto(best)))
                if not awake:
                    last["resolved_day"] = day
                    resolved_at = i
            elif best is not None:
                quiet = last is not None and i - resolved_at <= family_rules.quiet_days
                if last is None or not quiet or best.level > last["level"]:
                    told.append(
                        {
                            **tell(best, profile, day, upto(best)),
                            "raised_day": day,
                            "resolved_day": 0,
                            "relapse": last is not None,
                        }
                    )
        return told


def model_of(facts: Iterable[bytes], profiles: dict[bytes, Profile]) -> Model:
    """A model that was given encoded facts."""
    model = Model(profiles)
    for value in facts:
        model.take(f.Fact.FromString(value))
    return model
