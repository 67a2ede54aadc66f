"""Which days a pupil is judged on, and every rule's verdict on each of them.

Pupils of a bucket who share their school days and places are judged together:
their school days are one axis. Verdicts are kept; when something changed from
a day on, only the verdicts from that day on are made anew, since a verdict
looks back only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from services.ews.core import change, days, reports, rules, shared, turning
from services.ews.core.bucket import Bucket
from services.ews.core.lessons import Rows
from services.ews.core.look import Ints, Look, minutes, runs
from services.ews.core.pupils import Place, Stay
from services.ews.core.rule import FOLDED, Measure, Metric, Profile, Rule
from services.ews.core.units import Profiles, Unit
from services.ews.core.year import Year

UnitOf = Callable[[bytes], Unit]


@dataclass(slots=True)
class Group:
    """Pupils judged together. ``verdicts[family]`` is [school day, rule, pupil]."""

    stays: tuple[Stay, ...]
    rows: Rows
    axis: Ints
    places: list[Place]
    profiles: list[Profile | None] = field(default_factory=list)
    verdicts: dict[int, rules.Codes] = field(default_factory=dict)
    runs: dict[Metric, Ints] = field(default_factory=dict)
    totals: dict[change.Key, change.Totals] = field(default_factory=dict)
    fires: dict[int, days.Mask] = field(default_factory=dict)
    """By family, the pupils of whom a rule fires on some day."""
    # What the last judgement changed:
    kept: int = 0
    """School days whose verdicts stand for pupils outside ``differs``."""
    differs: days.Mask = field(default_factory=lambda: np.zeros(0, bool))
    """Pupils of whom a verdict that was there before changed."""

    def only(self, some: days.Mask) -> Group | None:
        """Those of the group that a mask of rows has, not judged; None where it has none."""
        there = some[self.rows]
        if there.all():
            return self
        return Group(self.stays, self.rows[there], self.axis, self.places) if there.any() else None


def axes(bucket: Bucket, year: Year, unit_of: UnitOf) -> list[Group]:
    """The pupils of the bucket by their school days of the year.

    A pupil's school days are those that the unit of its placement closed as
    such; on days without placement, the unit to which its lessons make it belong
    (design D8).
    """
    found: list[Group] = []
    for stays, rows in bucket.by_stays(year.year).items():
        axis, places = _placed(stays, year, unit_of)
        loose = _loose_days(stays, year)
        if not loose:
            found.append(Group(stays, np.array(rows, np.intp), axis, places))
            continue
        by_days: dict[bytes, list[int]] = {}
        mask = _loose_school_days(bucket, year, rows, loose, unit_of)
        for i, row in enumerate(rows):
            by_days.setdefault(mask[i].tobytes(), []).append(row)
        for packed, some in by_days.items():
            extra = np.array(loose, np.int64)[np.frombuffer(packed, bool)]
            if not len(extra):
                found.append(Group(stays, np.array(some, np.intp), axis, places))
                continue
            # Without a placement the lessons tell the place, so each pupil for itself
            # where a day has lessons of several units.
            plain = all(len(year.units[day]) == 1 for day in extra.tolist())
            for part in [some] if plain else [[row] for row in some]:
                both = np.concatenate((axis, extra))
                order = np.argsort(both, kind="stable")
                named = places + [bucket.place(part[0], day) for day in extra.tolist()]
                found.append(
                    Group(
                        stays,
                        np.array(part, np.intp),
                        both[order],
                        [named[i] for i in order.tolist()],
                    )
                )
    return found


def _placed(stays: tuple[Stay, ...], year: Year, unit_of: UnitOf) -> tuple[Ints, list[Place]]:
    """The school days under the placements; where several overlap the last one holds."""
    parts: list[Ints] = []
    named: list[Place] = []
    above: list[Stay] = []
    for stay in reversed(stays):
        closed = unit_of(stay.place.unit_id).school_days(year.year)
        low, high = np.searchsorted(closed, (stay.first, stay.after))
        own = closed[low:high]
        for other in above:
            own = own[(own < other.first) | (own >= other.after)]
        parts.append(own)
        named.extend([stay.place] * len(own))
        above.append(stay)
    if len(parts) == 1:
        return parts[0], named
    axis = np.concatenate(parts) if parts else np.zeros(0, np.int64)
    order = np.argsort(axis, kind="stable")
    return axis[order], [named[i] for i in order.tolist()]


def _loose_days(stays: tuple[Stay, ...], year: Year) -> list[int]:
    """The days with lessons that no placement covers."""
    if len(stays) == 1:
        stay = stays[0]
        return sorted(day for day in year.units if not stay.first <= day < stay.after)
    return sorted(
        day for day in year.units if not any(stay.first <= day < stay.after for stay in stays)
    )


def _loose_school_days(
    bucket: Bucket, year: Year, rows: list[int], loose: list[int], unit_of: UnitOf
) -> days.Mask:
    """[pupil, day]: whether the unit of the pupil's lessons closed the day as a school day."""
    mask = np.zeros((len(rows), len(loose)), bool)
    for i, day in enumerate(loose):
        for unit_id, held in year.units[day].items():
            if unit_of(unit_id).is_school_day(day):
                full = np.zeros(len(bucket.pupils), bool)
                full[: len(held)] = held
                mask[:, i] |= full[rows]
    return mask


def judge(  # noqa: PLR0917  # what there was, what there is, and who knows of it
    group: Group,
    before: Group | None,
    bucket: Bucket,
    year: Year,
    since: int,
    profiles: Profiles,
    unit_of: UnitOf,
) -> None:
    """Make the group's verdicts, going on from ``before`` up to the day ``since``.

    Nothing that ``before`` was made from may have changed on the days before
    ``since``: neither sums, nor lessons, nor notices, nor placements, nor profiles, nor
    waves.
    """
    keep = 0
    if before is not None:
        limit = min(len(group.axis), len(before.axis))
        keep = min(limit, int(np.searchsorted(before.axis, since)))
        same = group.axis[:keep] == before.axis[:keep]
        if not same.all():
            keep = int(np.argmin(same))
    chosen = before.profiles[:keep] if before is not None else []
    for day, place in zip(group.axis[keep:].tolist(), group.places[keep:], strict=True):
        chosen.append(profiles.choose(place.unit_id, place.school_form, day))
    group.profiles = chosen
    distinct = {id(one): one for one in chosen[keep:] if one is not None}
    every = [rule for one in distinct.values() for family in FOLDED for rule in one.rules(family)]
    start = rules.earliest_needed(every, group.axis, keep)
    sums = year.of(group.axis[start:])[:, :, group.rows]
    look = Look(group.axis, sums, start, keep, bucket.marks, group.rows)
    calm, waiting = look, None
    added = {False: sums[keep - start :], True: sums[keep - start :]}
    if any(rule.subtract_waves for rule in every):
        waved = shared.waved(group.axis[start:].tolist(), group.places[start:], unit_of)
        if waved.any():
            without = shared.without(sums, waved)
            calm = Look(group.axis, without, start, keep, bucket.marks, group.rows)
            added[True] = without[keep - start :]
        waiting = shared.waiting(group.axis[keep:].tolist(), group.places[keep:], unit_of)
    look.prepare = calm.prepare = bucket.prepare_marks
    _run(group, before, year, sums[keep - start :], keep, every)
    _totals(group, before, year, added, keep, every, unit_of)
    look.totals = calm.totals = group.totals
    pupils = bucket.pupils
    look.noted = lambda measure, place: reports.daily(
        measure, (pupils[row] for row in group.rows.tolist()), group.axis, place
    )
    for family in FOLDED:
        group.verdicts[family] = _verdicts(
            group, before, (look, calm), keep, family, list(distinct.values())
        )
        _wait(group, family, keep, waiting)
    _compare(group, before, keep)
    for family in FOLDED:
        verdicts = group.verdicts[family]
        # Where nothing that was there changed, only the new days can bring something.
        new = before is not None and group.kept == len(before.axis) and not group.differs.any()
        found = (verdicts[group.kept if new else 0 :] == rules.FIRES).any(axis=(0, 1))
        group.fires[family] = found | before.fires[family] if new and before else found


def _run(  # noqa: PLR0917  # one step of judge, split off for reading
    group: Group,
    before: Group | None,
    year: Year,
    sums: days.Sums,
    keep: int,
    every: Iterable[Rule],
) -> None:
    """The runs that the rules ask for, for every school day; ``sums`` begin at ``keep``."""
    size = len(group.rows)
    held = before.runs if before is not None and keep else {}
    for metric in {rule.metric for rule in every if rule.measure is Measure.RUN_DAYS} | set(held):
        if metric in held:
            earlier = held[metric][:keep]
        else:
            # A profile that begins now asks for what none before it did.
            past = year.of(group.axis[:keep])[:, :, group.rows]
            earlier = _runs(past, metric, np.zeros(size, np.int64))
        last = earlier[-1] if keep else np.zeros(size, np.int64)
        new = _runs(sums, metric, last)
        group.runs[metric] = np.concatenate((earlier, new)) if keep else new


def _totals(  # noqa: PLR0917  # one step of judge, split off for reading
    group: Group,
    before: Group | None,
    year: Year,
    sums: dict[bool, days.Sums],
    keep: int,
    every: Iterable[Rule],
    unit_of: UnitOf,
) -> None:
    """What the year holds up to every school day, for the rules that look at earlier days.

    ``sums`` begin at ``keep``: as they are, and by True without what waves took.
    """
    held = before.totals if before is not None and keep else {}
    asked = {key for rule in every if (key := change.key(rule)) is not None}
    for metric, calm in asked | set(held):
        earlier = held[metric, calm][:keep] if (metric, calm) in held else None
        if earlier is None and keep:
            # A profile that begins now asks for what none before it did.
            past = year.of(group.axis[:keep])[:, :, group.rows]
            if calm:
                waved = shared.waved(group.axis[:keep].tolist(), group.places[:keep], unit_of)
                past = shared.without(past, waved)
            wide = past.astype(np.int64)
            earlier = change.summed(minutes(wide, metric), wide[:, days.REPORTED])
        wide = sums[calm].astype(np.int64)
        group.totals[metric, calm] = change.summed(
            minutes(wide, metric), wide[:, days.REPORTED], earlier
        )


def _runs(sums: days.Sums, metric: Metric, last: Ints) -> Ints:
    return runs(sums, metric, last) if len(sums) else np.zeros((0, len(last)), np.int64)


def _verdicts(  # noqa: PLR0917  # one step of judge, split off for reading
    group: Group,
    before: Group | None,
    looks: tuple[Look, Look],
    keep: int,
    family: int,
    distinct: list[Profile],
) -> rules.Codes:
    size, out = len(group.rows), len(group.axis) - keep
    held = before.verdicts[family][:keep] if keep and before is not None else None
    width = max(
        [len(one.rules(family)) for one in distinct] + [held.shape[1] if held is not None else 0]
    )
    made = np.zeros((out, width, size), np.int8)
    for one in distinct:
        everywhere = len(distinct) == 1 and None not in group.profiles[keep:]
        where = [profile is one for profile in group.profiles[keep:]]
        for i, rule in enumerate(one.rules(family)):
            if rule.measure is Measure.TURNING:
                codes = _turning(rule, one, group, looks[0])
            else:
                run = group.runs[rule.metric][keep:] if rule.measure is Measure.RUN_DAYS else None
                codes = rules.verdicts(rule, looks[rule.subtract_waves], run)
            if everywhere:
                made[:, i] = codes
            else:
                made[where, i] = codes[where]
    if held is None:
        return made
    if held.shape[1] < width:
        wider = np.zeros((keep, width, size), np.int8)
        wider[:, : held.shape[1]] = held
        held = wider
    return np.concatenate((held, made))


def _wait(group: Group, family: int, keep: int, waiting: days.Mask | None) -> None:
    """Leave the days unjudged on which a rule that subtracts waves does not know of any yet."""
    if waiting is None or not waiting.any():
        return
    for place in (np.nonzero(waiting)[0] + keep).tolist():
        profile = group.profiles[place]
        for i, rule in enumerate(profile.rules(family) if profile else ()):
            if rule.subtract_waves:
                group.verdicts[family][place, i] = rules.NOT_JUDGED


def _turning(rule: Rule, profile: Profile, group: Group, look: Look) -> rules.Codes:
    """A turning rule's verdicts; the verdicts that it looks at are made already."""
    first = look.first(rule.window)
    value, known = turning.values(rule, profile, group.verdicts, group.profiles, first, look.at)
    return rules.codes_of(rule, look, value, known)


def _compare(group: Group, before: Group | None, keep: int) -> None:
    """Tell what of the verdicts that were there before stands."""
    group.kept = keep
    group.differs = np.zeros(len(group.rows), bool)
    if before is None:
        return
    both = min(len(group.axis), len(before.axis))
    if keep == both:
        return
    if (
        not np.array_equal(group.axis[keep:both], before.axis[keep:both])
        or group.profiles[keep:both] != before.profiles[keep:both]
    ):
        return
    group.kept = both
    for family in FOLDED:
        old, new = before.verdicts[family][keep:both], group.verdicts[family][keep:both]
        if old.shape != new.shape:
            group.kept = keep
            return
        group.differs |= (old != new).any(axis=(0, 1))
