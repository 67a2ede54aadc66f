"""Turning: what was one kind of absence becomes another, or a pattern.

A rule of one family (``turns_from``) fired on an earlier day of the window, and
a rule of another (``turns_into``) fires on the day judged. The value is the
highest level that fires there, 0 where none does or none fired before; so a
threshold of 2 asks for a turn into level 2 or higher. It is judged on the days
on which any rule of ``turns_into`` is.

Ströfrånvaro that becomes longer is the course that the literature describes and
that schools meet late (C. A. Kearney and P. A. Graczyk, "A multidimensional,
multi-tiered system of supports model to promote school attendance and address
school absenteeism", Clinical Child and Family Psychology Review 23, 2020,
316-337; Töreboda's scale from single lessons missed to total absence). Within
one family some rules are named as those turned into, such as its patterns; then
the family's other rules are those turned from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from services.ews.core.look import first_in_window
from services.ews.core.rule import Measure, Profile, Rule
from services.ews.core.rules import FIRES, NOT_JUDGED

if TYPE_CHECKING:
    from services.ews.core.fold import Spell
    from services.ews.core.judge import Group

Ints = NDArray[np.int64]
Codes = NDArray[np.int8]
Mask = NDArray[np.bool_]


def values(  # noqa: PLR0917  # the verdicts and what they are about
    rule: Rule,
    profile: Profile,
    verdicts: Mapping[int, Codes],
    profiles: Sequence[Profile | None],
    first: Ints,
    at: Ints,
) -> tuple[Ints, Mask]:
    """The value, and whether there is one, on each of the places ``at``: [place, pupil].

    ``verdicts`` are by family, [school day, rule, pupil], of all school days, and
    ``profiles`` what was in force on each; ``profile`` is the one of the days
    ``at``. ``first`` are the first places of their windows.
    """
    chosen = _turned_into(rule, profile)
    into = verdicts[rule.turns_into][at][:, [place for place, _ in chosen]]
    levels = np.array([level for _, level in chosen], np.int64)
    known = (into != NOT_JUDGED).any(axis=1)
    fires = into == FIRES
    if not fires.any():
        return np.zeros(known.shape, np.int64), known
    highest = (fires * levels[None, :, None]).max(axis=1)
    low = int(first.min())
    fired = _fired_before(rule, verdicts[rule.turns_from], profiles, low, int(at.max()))
    upto = np.zeros((len(fired) + 1, fired.shape[1]), np.int64)
    np.cumsum(fired, axis=0, out=upto[1:])
    turned = upto[at - low] > upto[first - low]
    return highest * turned, known


def value_of(group: Group, place: int, spell: Spell) -> int:
    """The value on the day on which the spell reached its level; 0 where it is no turning's."""
    if spell.rule.measure is not Measure.TURNING:
        return 0
    at: Ints = np.searchsorted(group.axis, [spell.level_day])
    first = first_in_window(spell.rule.window, group.axis, group.axis[at])
    one = {family: codes[:, :, place : place + 1] for family, codes in group.verdicts.items()}
    value, _ = values(spell.rule, spell.profile, one, group.profiles, first, at)
    return int(value[0, 0])


def _turned_into(rule: Rule, profile: Profile) -> list[tuple[int, int]]:
    """Place and level of the rules that are turned into."""
    return [
        (place, one.level)
        for place, one in enumerate(profile.rules(rule.turns_into))
        if not rule.into_rules or one.rule_id in rule.into_rules
    ]


def _fired_before(
    rule: Rule, verdicts: Codes, profiles: Sequence[Profile | None], low: int, high: int
) -> Mask:
    """Whether a rule turned from fired, for the places from ``low`` to before ``high``."""
    fired = verdicts[low:high] == FIRES
    if rule.turns_from == rule.turns_into:
        for one in {id(profile): profile for profile in profiles[low:high]}.values():
            places = [place for place, _ in _turned_into(rule, one)] if one else []
            days = [i for i, profile in enumerate(profiles[low:high]) if profile is one]
            fired[np.ix_(days, places)] = False
    found: Mask = fired.any(axis=1)
    return found
