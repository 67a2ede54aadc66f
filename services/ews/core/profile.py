"""The ``signals`` part of a rule profile: thresholds as data (design D5).

A profile is TOML. ``[profile]`` names it; each family that it judges is a table
``[signals.<family>]`` with ``[[signals.<family>.rules]]``. What a rule means is
said at :class:`services.ews.core.rule.Rule`; the ``ladder`` part is the case
service's and not read here.
No statute defines a threshold (Skolverket, "Frånvaro i skolan"), so nothing of
this kind stands in code.
"""

from __future__ import annotations

import re
import tomllib
from decimal import Decimal
from functools import lru_cache
from typing import Any

from services.ews.core.fields import ProfileError
from services.ews.core.rule import (
    FAMILIES,
    FOLDED,
    PATTERNS,
    SHARES,
    TODAY,
    Family,
    Measure,
    Metric,
    Profile,
    Rule,
    Span,
    Window,
)
from services.ews.core.special import SPECIAL_KEYS, UNGUARDED, Special

__all__ = [
    "FAMILIES",
    "FOLDED",
    "PATTERNS",
    "TODAY",
    "Family",
    "Measure",
    "Metric",
    "Profile",
    "ProfileError",
    "Rule",
    "Span",
    "Window",
    "parse_profile",
]


_LINE = re.compile(r"at line (\d+)")
COUNTED_SPANS = {Span.SCHOOL_DAYS.value: 200, Span.CALENDAR_DAYS.value: 366}
"""The spans that have a length, with the longest one."""
WITHIN = Span.TERM.value
"""What a counted span may be said to stay within."""
NAMED_SPANS = (Span.CALENDAR_MONTH.value, Span.TERM.value, Span.SCHOOL_YEAR.value)
RULE_KEYS = {
    "id",
    "level",
    "metric",
    "measure",
    "window",
    "comparator",
    "threshold",
    "resolve",
    "min_offered_minutes",
    "min_membership_days",
    "min_reporting_rate",
    "min_absence_minutes",
    "min_absence_days",
    "min_occasions",
    "waves",
    "day_share",
    "times_the_rest",
    "earlier_weight",
    "source",
    *SPECIAL_KEYS,
}


@lru_cache(maxsize=64)
def parse_profile(content: bytes) -> Profile:
    """Read a profile. Raises :class:`ProfileError` with line, field and reason.

    Where several things are wrong they are told together, in the order of the file.
    """
    try:
        text = content.decode("utf-8")
        data = tomllib.loads(text, parse_float=Decimal)
    except UnicodeDecodeError as error:
        raise ProfileError("file", f"not UTF-8 at byte {error.start}") from error
    except tomllib.TOMLDecodeError as error:
        found = _LINE.search(str(error))
        raise ProfileError("file", str(error), int(found[1]) if found else 0) from error
    return _Reader(text, data).profile()


class _Reader(Special):
    def profile(self) -> Profile:
        self._part(self._only, self._data, {"profile", "signals", "ladder"}, "")
        head = self._part(self._head)
        families = self._part(self._families)
        if self._found or head is None or families is None:
            # Those whose line is not known last; the order of reading is the file's but for keys.
            first, *others = sorted(self._found, key=lambda one: one.line or 1_000_000)
            first.others = tuple(others)
            raise first
        return Profile(families=families, **head)

    def _head(self) -> dict[str, Any]:
        head = self._table(self._data, "profile", "profile")
        self._only(head, {"id", "version", "name", "description", "source"}, "profile")
        profile_id = self._text(head, "id", "profile")
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", profile_id):
            self._refuse("profile.id", "lower-case letters, digits and hyphens only")
        given = [key for key in ("description", "source") if key in head]
        return {
            "profile_id": profile_id,
            "version": self._whole(head, "version", "profile", 1, 1_000_000),
            **{key: self._text(head, key, "profile") for key in ("name", *given)},
        }

    def _families(self) -> dict[int, Family]:
        signals = self._table(self._data, "signals", "signals")
        self._part(self._only, signals, set(FAMILIES), "signals")
        seen: set[str] = set()
        families: dict[int, Family] = {}
        for label, number in FAMILIES.items():
            if label in signals:
                family = self._part(self._family, label, number, signals, seen)
                if family is not None:
                    families[number] = family
        if not families and not self._found:
            self._refuse("signals", f"no family is judged; give one of {', '.join(FAMILIES)}")
        if not self._found:
            self._part(self._turnings, families)
        return families

    def _family(self, label: str, number: int, signals: dict[str, Any], seen: set[str]) -> Family:
        where = f"signals.{label}"
        table = self._table(signals, label, where)
        self._part(self._only, table, {"rules", "quiet_school_days", "ends_with"}, where)
        quiet = self._part(self._whole, table, "quiet_school_days", where, 0, 200, 0)
        ends = self._part(self._ends_with_term, table, number, where)
        rules = table.get("rules")
        if not isinstance(rules, list) or not rules:
            self._refuse(f"{where}.rules", "give at least one [[...rules]] table")
        read: list[Rule] = []
        for i, one in enumerate(rules):
            rule = self._part(self._rule, f"{where}.rules", i, number, one)
            if rule is None:
                continue
            if rule.rule_id in seen:
                self._part(self._refuse, f"{where}.rules.id", f"{rule.rule_id!r} is used twice", i)
            seen.add(rule.rule_id)
            read.append(rule)
        return Family(tuple(read), quiet or 0, bool(ends))

    def _ends_with_term(self, table: dict[str, Any], number: int, where: str) -> bool:
        if "ends_with" not in table:
            return False
        if number == TODAY:
            self._refuse(f"{where}.ends_with", "ogiltig_idag ends only by being excused")
        if table["ends_with"] != WITHIN:
            self._refuse(f"{where}.ends_with", f'say "{WITHIN}", or leave it out')
        return True

    def _rule(self, where: str, nth: int, family: int, table: dict[str, Any]) -> Rule:
        if not isinstance(table, dict):
            self._refuse(where, "write each rule as a [[...rules]] table", nth)
        self._only(table, RULE_KEYS, where, nth)
        measure = self._choice(Measure, table, "measure", where, nth)
        metric = self._metric(table, measure, where, nth)
        today = family == TODAY
        window = self._window(table, measure, today, where, nth)
        comparator = self._text(table, "comparator", where, nth)
        if comparator not in {">=", ">"}:
            self._refuse(f"{where}.comparator", "say '>=' (inclusive) or '>' (exclusive)", nth)
        threshold = self._number(table, "threshold", where, nth)
        if threshold <= 0:
            self._refuse(f"{where}.threshold", "must be more than 0", nth)
        if today and (
            measure is not Measure.MINUTES or metric not in (Metric.INVALID, Metric.UNEXPLAINED)
        ):
            self._refuse(
                f"{where}.measure", "ogiltig_idag counts minutes of invalid or unexplained", nth
            )
        below, days = self._resolve(table, threshold, today, where, nth)
        guards: dict[str, Any] = {
            key: self._whole(table, key, where, 0, 1_000_000, 0, nth)
            for key in (
                "min_offered_minutes",
                "min_membership_days",
                "min_absence_minutes",
                "min_absence_days",
                "min_occasions",
            )
        }
        rate = self._number(table, "min_reporting_rate", where, nth, Decimal(0))
        if not 0 <= rate <= 100:
            self._refuse(f"{where}.min_reporting_rate", "per cent, 0 to 100", nth)
        special = self._special(table, measure, threshold, below, today=today, where=where, nth=nth)
        unused = [key for key, value in guards.items() if value and key != "min_membership_days"]
        if measure in UNGUARDED and (unused or rate):
            key = (unused or ["min_reporting_rate"])[0]
            self._refuse(f"{where}.{key}", f"does not go with {measure.value}", nth)
        if today and (rate or any(guards.values())):
            self._refuse(f"{where}.threshold", "ogiltig_idag takes no min_ guards", nth)
        day_share = self._day_share(table, measure, where, nth)
        times = self._times_the_rest(table, measure, guards["min_absence_days"], where, nth)
        if measure in SHARES and threshold > 100:
            self._refuse(f"{where}.threshold", "per cent, at most 100", nth)
        return Rule(
            rule_id=self._text(table, "id", where, nth),
            family=family,
            level=self._whole(table, "level", where, 1, 9, None, nth),
            metric=metric,
            measure=measure,
            window=window,
            inclusive=comparator == ">=",
            threshold=threshold,
            resolve_below=below,
            resolve_days=days,
            min_reporting_rate=rate,
            subtract_waves=self._subtract_waves(table, measure, where, nth),
            source=self._text(table, "source", where, nth),
            day_share=day_share,
            times_the_rest=times,
            earlier_weight=self._earlier_weight(table, measure, where, nth),
            **guards,
            **special,
        )

    def _subtract_waves(
        self, table: dict[str, Any], measure: Measure, where: str, nth: int
    ) -> bool:
        given = table.get("waves", "count")
        if given not in ("count", "subtract"):
            self._refuse(f"{where}.waves", "say 'count' or 'subtract'", nth)
        if given == "subtract" and measure is not Measure.SHARE:
            self._refuse(f"{where}.waves", "only a share has waves taken out of it", nth)
        return bool(given == "subtract")

    def _earlier_weight(self, table: dict[str, Any], measure: Measure, where: str, nth: int) -> int:
        weight = self._whole(table, "earlier_weight", where, 0, 100, 0, nth)
        if weight and measure is not Measure.SHARE:
            self._refuse(f"{where}.earlier_weight", "goes with a share only", nth)
        if weight and table.get("window") == "school_year":
            self._refuse(f"{where}.earlier_weight", "a school year has nothing before it", nth)
        return weight

    def _day_share(self, table: dict[str, Any], measure: Measure, where: str, nth: int) -> Decimal:
        if "day_share" not in table:
            return Decimal(0)
        if measure is not Measure.DAYS:
            self._refuse(f"{where}.day_share", "goes with days only", nth)
        share = self._number(table, "day_share", where, nth)
        if not 1 <= share <= 100:
            self._refuse(f"{where}.day_share", "per cent of a day, 1 to 100", nth)
        return share

    def _times_the_rest(
        self, table: dict[str, Any], measure: Measure, least_days: int, where: str, nth: int
    ) -> Decimal:
        if measure not in PATTERNS:
            if "times_the_rest" in table:
                self._refuse(f"{where}.times_the_rest", "goes with patterns only", nth)
            return Decimal(0)
        times = self._number(table, "times_the_rest", where, nth)
        if times <= 1:
            self._refuse(f"{where}.times_the_rest", "must be more than 1", nth)
        if least_days < 2:
            self._refuse(
                f"{where}.min_absence_days", "2 or more: what happened once is no pattern", nth
            )
        return times

    def _window(
        self, table: dict[str, Any], measure: Measure, today: bool, where: str, nth: int
    ) -> Window:
        given = table.get("window")
        if measure is Measure.RUN_DAYS or today:
            if given is not None:
                self._refuse(f"{where}.window", "leave it out: the measure says the days", nth)
            return Window(Span.DAY if today else Span.RUN)
        if isinstance(given, str) and given in NAMED_SPANS:
            return Window(Span(given))
        if isinstance(given, dict):
            units = [unit for unit in given if unit != "within"]
            if len(units) == 1 and units[0] in COUNTED_SPANS:
                (unit,), inside = units, f"{where}.window"
                length = self._whole(given, unit, inside, 1, COUNTED_SPANS[unit], None, nth)
                if given.get("within", WITHIN) != WITHIN:
                    self._refuse(f"{inside}.within", f'say "{WITHIN}", or leave it out', nth)
                return Window(Span(unit), length, within_term="within" in given)
        known = [f"{{ {one} = N }}" for one in COUNTED_SPANS] + [f'"{one}"' for one in NAMED_SPANS]
        self._refuse(f"{where}.window", f"give one of {', '.join(known)}", nth)
        return None

    def _resolve(
        self, table: dict[str, Any], threshold: Decimal, today: bool, where: str, nth: int
    ) -> tuple[Decimal, int]:
        if today:
            if "resolve" in table:
                self._refuse(f"{where}.resolve", "ogiltig_idag ends only by being excused", nth)
            return threshold, 0
        resolve = self._table(table, "resolve", f"{where}.resolve", nth)
        self._only(resolve, {"below", "school_days"}, f"{where}.resolve", nth)
        below = self._number(resolve, "below", f"{where}.resolve", nth)
        if not 0 < below <= threshold:
            self._refuse(f"{where}.resolve.below", "more than 0, at most the threshold", nth)
        return below, self._whole(resolve, "school_days", f"{where}.resolve", 1, 200, None, nth)
