"""The keys of a rule that go with some measures only: priors, turnings, dates, notices."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Any

from services.ews.core.fields import Fields
from services.ews.core.rule import (
    ESCALATION,
    FAMILIES,
    NOTED,
    PATTERNS,
    Family,
    Measure,
    Metric,
)

SPECIAL_KEYS = (
    "min_days_since_first",
    "judged",
    "prior_share",
    "prior_minutes",
    "from",
    "into",
    "into_rules",
)
UNGUARDED = (Measure.RUN_DAYS, Measure.TURNING, *NOTED)
"""Measures that no absence in a window guards."""
_TURNED = {label: FAMILIES[label] for label in ("strofranvaro", "langvarig")}
_PRIOR = ("prior_share", "prior_minutes")
_MONTH_END = "month_end"
_HIGHEST_CHANGE = 1_000


class Special(Fields):
    """Reads them; what a key means is said at :class:`services.ews.core.rule.Rule`."""

    def _metric(self, table: dict[str, Any], measure: Measure, where: str, nth: int) -> Metric:
        if "metric" not in table and (measure is Measure.TURNING or measure in NOTED):
            return Metric.TOTAL
        return self._choice(Metric, table, "metric", where, nth)

    def _special(  # a private reader; its caller is the rule's
        self,
        table: dict[str, Any],
        measure: Measure,
        threshold: Decimal,
        below: Decimal,
        *,
        today: bool,
        where: str,
        nth: int,
    ) -> dict[str, Any]:
        """The rule's further figures. A turning's families are checked by :meth:`_turnings`."""
        found = self._change(table, measure, threshold, where, nth)
        found |= self._prior(table, measure, below, where, nth)
        found |= self._turning(table, measure, where, nth)
        found["judged"] = self._judged(table, where, nth)
        windows = not today and measure not in (
            Measure.RUN_DAYS,
            Measure.TURNING,
            *PATTERNS,
        )
        if found["judged"] is not None and not windows:
            self._refuse(f"{where}.judged", "goes with a window of absence or notices only", nth)
        since = self._whole(table, "min_days_since_first", where, 0, 366, 0, nth)
        if since and (not windows or measure in NOTED):
            self._refuse(f"{where}.min_days_since_first", f"does not go with {measure.value}", nth)
        found["min_days_since_first"] = since
        return found

    def _change(
        self, table: dict[str, Any], measure: Measure, threshold: Decimal, where: str, nth: int
    ) -> dict[str, Any]:
        if measure is not Measure.CHANGE:
            return {}
        if threshold > _HIGHEST_CHANGE:
            self._refuse(f"{where}.threshold", f"a change is at most {_HIGHEST_CHANGE}", nth)
        if table.get("window") == "school_year":
            self._refuse(f"{where}.window", "a school year leaves nothing to compare with", nth)
        return {}

    def _prior(
        self, table: dict[str, Any], measure: Measure, below: Decimal, where: str, nth: int
    ) -> dict[str, Any]:
        """The prior of a change, which needs one, or of a share, which may have one."""
        given = [key for key in _PRIOR if key in table]
        if measure not in (Measure.CHANGE, Measure.SHARE):
            for key in given:
                self._refuse(f"{where}.{key}", "goes with share and change only", nth)
            return {}
        if measure is Measure.SHARE and not given:
            return {}
        for key in _PRIOR:
            if key not in table:
                reason = "prior_share and prior_minutes go together"
                self._refuse(f"{where}.{key}", f"{reason}: give this one too", nth)
        minutes = self._whole(table, "prior_minutes", where, 1, 1_000_000, None, nth)
        share = self._number(table, "prior_share", where, nth)
        if not 0 < share <= 100:
            self._refuse(f"{where}.prior_share", "per cent, more than 0, at most 100", nth)
        absent = share * minutes / 100
        if absent != int(absent):
            self._refuse(
                f"{where}.prior_share", "prior_share per cent of prior_minutes: whole minutes", nth
            )
        if measure is Measure.SHARE and share >= below:
            self._refuse(
                f"{where}.prior_share",
                "below resolve.below, else nothing rests while little is reported",
                nth,
            )
        return {"prior_minutes": minutes, "prior_absent": int(absent)}

    def _turning(
        self, table: dict[str, Any], measure: Measure, where: str, nth: int
    ) -> dict[str, Any]:
        if measure is not Measure.TURNING:
            for key in ("from", "into", "into_rules"):
                if key in table:
                    self._refuse(f"{where}.{key}", "goes with turning only", nth)
            return {}
        families = {}
        for key in ("from", "into"):
            label = self._text(table, key, where, nth)
            if label not in _TURNED:
                self._refuse(f"{where}.{key}", f"one of {', '.join(_TURNED)}", nth)
            families[key] = _TURNED[label]
        named = table.get("into_rules", [])
        if not isinstance(named, list) or not all(isinstance(one, str) for one in named):
            self._refuse(f"{where}.into_rules", "a list of rule ids is needed", nth)
        if families["from"] == families["into"] and not named:
            self._refuse(
                f"{where}.into_rules", "within one family the rules turned into are named", nth
            )
        return {
            "turns_from": families["from"],
            "turns_into": families["into"],
            "into_rules": tuple(named),
        }

    def _turnings(self, families: dict[int, Family]) -> None:
        """A turning is a rule of eskalering, between families that are judged."""
        for label, number in FAMILIES.items():
            where = f"signals.{label}.rules"
            for nth, rule in enumerate(families[number].rules if number in families else ()):
                if rule.measure is not Measure.TURNING:
                    continue
                if number != ESCALATION:
                    self._refuse(f"{where}.measure", "turning goes with eskalering only", nth)
                for key, other in (("from", rule.turns_from), ("into", rule.turns_into)):
                    if other not in families:
                        self._refuse(f"{where}.{key}", "this profile does not judge it", nth)
                known = {one.rule_id for one in families[rule.turns_into].rules}
                for name in rule.into_rules:
                    if name not in known:
                        self._refuse(f"{where}.into_rules", f"{name!r} is no rule of into", nth)

    def _judged(
        self, table: dict[str, Any], where: str, nth: int
    ) -> tuple[tuple[int, int], ...] | None:
        given = table.get("judged")
        if given is None:
            return None
        if given == _MONTH_END:
            return ()
        if not isinstance(given, list) or not given:
            self._refuse(f"{where}.judged", '"month_end", or dates such as ["11-30", "04-30"]', nth)
        return tuple(sorted({self._date(one, where, nth) for one in given}))

    def _date(self, given: Any, where: str, nth: int) -> tuple[int, int]:
        found = re.fullmatch(r"(\d\d)-(\d\d)", given) if isinstance(given, str) else None
        try:
            # A year without 29 February: a date must come every year.
            when = date(2027, int(found[1]), int(found[2])) if found else None
        except ValueError:
            when = None
        if when is None:
            self._refuse(f"{where}.judged", f"{given!r}: a date of every year as MM-DD", nth)
        return when.month, when.day
