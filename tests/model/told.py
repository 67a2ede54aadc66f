"""An episode as the model tells it, and the published events in the same shape."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

from services.ews.core.profile import PATTERNS, Measure, Profile, Rule
from tests.model import signals
from tests.model.record import Seen
from tests.model.rules import (
    NOTED,
    Upto,
    baseline_of,
    noted,
    occasions,
    run_of,
    strongest,
    value_of,
    window_of,
)


def tell(rule: Rule, profile: Profile, day: int, upto: Upto) -> dict[str, Any]:
    metric = rule.metric.value
    upto = strongest(rule, upto)[1] if rule.judged is not None else upto
    days, seen = upto.days, upto.seen
    window = window_of(rule, upto)
    every = [one for at in window for one in seen.get(at, [])]
    value = value_of(rule, upto)
    assert value is not None
    weighed = Fraction(0)
    if rule.prior_minutes * (rule.measure is Measure.SHARE) or rule.earlier_weight:
        # A person is told the share as it is.
        said = [one for at in window for one in seen.get(at, []) if one.reported]
        absent = sum(one.of(metric) for one in said)
        weighed, value = value, Fraction(100 * absent, sum(one.offered for one in said))
    compared = rule.measure is Measure.CHANGE or rule.earlier_weight
    base = baseline_of(rule, upto) if compared else (0, 0)
    named = window
    if rule.measure in NOTED:
        named = [at for at in window if noted(rule, upto, at)]
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
            "absence_occasions": occasions(metric, window, seen),
            "absence_days": sum(any(one.of(metric) for one in seen.get(at, [])) for at in window),
            "run_days": len(run_of("total", days, upto.marks)),
            "shared": sum(one.valid for at in window for one in upto.marks.get(at, []))
            - sum(one.valid for one in every),
            "reporting_rate_known": any(one.timetabled for one in every),
            "value": round(float(value), 9),
            "weighed": round(float(weighed), 9),
            "threshold": float(rule.threshold),
            "pattern": pattern(rule, window, seen),
            "baseline_reported": base[0],
            "baseline_absent": base[1],
        },
        "lessons": list(lessons(rule, named, seen, upto.marks))[:60],
    }


def pattern(rule: Rule, window: list[int], seen: dict[int, list[Seen]]) -> Any:
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


def lessons(
    rule: Rule,
    window: list[int],
    seen: dict[int, list[Seen]],
    every_mark: dict[int, list[Seen]],
) -> Iterator[tuple[Any, ...]]:
    counts = signals.that_count(rule, window, seen)
    for day in reversed(window):
        pairs = zip(seen.get(day, []), every_mark.get(day, []), strict=True)
        found = [
            (
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
            for counted, one in pairs
            if counted.of(rule.metric.value) and counts(day, counted)
        ]
        # By what is told, and by the identifier where that is the same.
        yield from sorted(found, key=lambda told: (told[1:], told[0]), reverse=True)


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
            figures["weighed"] = round(figures["weighed"], 9)
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
