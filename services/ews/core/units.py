"""What holds for a whole school unit or organiser: closed days and rule profiles."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forvarning.facts.v1 import facts_pb2
from forvarning.state.v1.state_pb2 import ActiveProfiles, StateValue, UnitDayValue
from services.ews.core import calendar, groups, rows
from services.ews.core.lessons import Version
from services.ews.core.profile import Profile, parse_profile
from services.ews.core.rule import LESSON_BY_LESSON, NOTED

_SCHOOL_DAY = facts_pb2.DAY_KIND_SCHOOL_DAY
_NEVER: Version = (-1, -1, -1)
_NEVER_TOLD = -(1 << 30)


@dataclass(slots=True)
class UnitDay:
    """One day of a unit. ``parts`` are the buckets' shares of the day's sums, by bucket key.

    Shares follow from the buckets' days and are not kept: of a restored day some may be
    ``missing`` until they are asked for.
    """

    kind: int = 0
    version: Version = _NEVER
    wave: Any = None
    waves: dict[bytes, int] = field(default_factory=dict)
    """What the Wave says: thousandths by class, the unit's under no identifier."""
    group_revision: int = 0
    sums_digest: int = 0
    """Of the sums as they were last published."""
    parts: dict[str, groups.Part] = field(default_factory=dict)
    missing: bool = False


class Unit:
    """A school unit's days. The newest version of each wins."""

    def __init__(self, organiser_id: bytes, unit_id: bytes) -> None:
        self.organiser_id = organiser_id
        self.unit_id = unit_id
        self._days: dict[int, UnitDay] = {}
        self._rows: dict[int, bytes] = {}
        """What was restored of days that nobody has asked for."""
        self._last_told = _NEVER_TOLD
        self._wave_days: set[int] = set()
        self._school_days: dict[int, NDArray[np.int64]] = {}

    @property
    def days(self) -> dict[int, UnitDay]:
        """Every day of which anything is known."""
        self._read_all()
        return self._days

    @property
    def last_told(self) -> int:
        """The newest day of which any DayClosed is in."""
        self._read_all()
        return self._last_told

    @property
    def wave_days(self) -> set[int]:
        """The days with a wave in some class."""
        self._read_all()
        return self._wave_days

    def day(self, day: int) -> UnitDay:
        return self._known(day) or self._days.setdefault(day, UnitDay())

    def _known(self, day: int) -> UnitDay | None:
        if day in self._rows:
            self._read(day)
        return self._days.get(day)

    def is_school_day(self, day: int) -> bool:
        found = self._known(day)
        return found is not None and found.kind == _SCHOOL_DAY

    def is_free(self, day: int) -> bool:
        found = self._known(day)
        return found is not None and found.kind == facts_pb2.DAY_KIND_FREE

    def close(self, day: int, kind: int, version: Version) -> bool:
        """Take a DayClosed; whether it was news."""
        held = self.day(day)
        if version <= held.version:
            return False
        if (held.kind == _SCHOOL_DAY) != (kind == _SCHOOL_DAY):
            self._school_days.pop(calendar.school_year(day), None)
        held.kind, held.version = kind, version
        self._last_told = max(self._last_told, day)
        return True

    def waits(self, day: int) -> bool:
        """Whether a closed school day's Wave may still come before the next DayClosed (D8)."""
        return day == self.last_told and self.is_school_day(day) and self.days[day].wave is None

    def has_wave(self, day: int, class_id: bytes) -> bool:
        """Whether the class, else the unit where the Wave does not name it, had a wave."""
        if day not in self.wave_days:
            return False
        waves = self.days[day].waves
        return waves.get(class_id, waves.get(b"", 0)) > 0

    def groups_with_wave(self, day: int) -> dict[bytes, bool]:
        """All that :meth:`has_wave` goes by; nothing where nobody had one."""
        if day not in self.wave_days:
            return {}
        return {name: told > 0 for name, told in self.days[day].waves.items()}

    def wave(self, wave: facts_pb2.Wave) -> bool:
        """Take a Wave; whether it was news. The larger (partitions, revisions) wins (design D8).

        Of two that are equal there but not in what they say, the one whose bytes are larger.
        """
        held = self.day(wave.epoch_day)
        if held.wave is not None and _rank(wave) <= _rank(held.wave):
            return False
        self._take_wave(wave.epoch_day, held, wave)
        return True

    def _take_wave(self, day: int, held: UnitDay, wave: facts_pb2.Wave) -> None:
        held.wave = wave
        held.waves = {one.class_id: one.explained_permille for one in wave.classes}
        if any(held.waves.values()):
            self._wave_days.add(day)
        else:
            self._wave_days.discard(day)

    def school_days(self, year: int) -> NDArray[np.int64]:
        """The closed school days of a school year, in order."""
        found = self._school_days.get(year)
        if found is None:
            first, after = calendar.year_start(year), calendar.year_start(year + 1)
            found = np.array(
                sorted(
                    day
                    for day, held in self.days.items()
                    if held.kind == _SCHOOL_DAY and first <= day < after
                ),
                np.int64,
            )
            self._school_days[year] = found
        return found

    def encode(self, day: int) -> bytes:
        """The state row of one day."""
        held = self.day(day)
        value = UnitDayValue(group_revision=held.group_revision, sums_digest=held.sums_digest)
        if held.version != _NEVER:
            value.closed.school_unit_id = self.unit_id
            value.closed.epoch_day = day
            value.closed.kind = held.kind  # type: ignore[assignment]  # protobuf enums are plain ints
            (
                value.closed.version.priority,
                value.closed.version.modified_unix_ms,
                value.closed.version.sequence,
            ) = held.version
        if held.wave is not None:
            value.wave.CopyFrom(held.wave)
        return rows.encode(StateValue(unit_day=value))

    def restore(self, day: int, encoded: bytes) -> None:
        """Take a state row of one day; it is read when somebody asks for the day."""
        self._rows[day] = encoded
        self._school_days.clear()

    def _read_all(self) -> None:
        for day in list(self._rows):
            self._read(day)

    def _read(self, day: int) -> None:
        value = rows.decode(self._rows.pop(day)).unit_day
        held = UnitDay(
            group_revision=value.group_revision, sums_digest=value.sums_digest, missing=True
        )
        if value.HasField("closed"):
            version = value.closed.version
            held.kind = value.closed.kind
            held.version = (version.priority, version.modified_unix_ms, version.sequence)
            self._last_told = max(self._last_told, day)
        if value.HasField("wave"):
            self._take_wave(day, held, value.wave)
        self._days[day] = held


def _rank(wave: facts_pb2.Wave) -> tuple[int, int, bytes]:
    told = wave.SerializeToString(deterministic=True)
    return wave.partitions_closed, wave.revision_sum, told


@dataclass(frozen=True, slots=True)
class Activation:
    """A profile holds for a scope from a date on."""

    fact: facts_pb2.ProfileActivated
    profile: Profile
    content: bytes
    version: Version


class Profiles:
    """An organiser's activated profiles (design D5)."""

    def __init__(self) -> None:
        self._held: dict[bytes, Activation] = {}
        self._chosen: dict[tuple[bytes, int, int], Profile | None] = {}
        self.subtract_waves = False
        """Whether any rule of any of them does."""
        self.count_notices = False
        """Whether any rule judges what notices tell beside explaining absence."""
        self.look_at_lessons = False
        """Whether any rule goes by which lessons were missed, beside the day's sums."""

    def add(self, fact: facts_pb2.ProfileActivated, content: bytes) -> bool:
        """Take an activation; whether it was news. Raises ProfileError."""
        version = (
            fact.version.priority,
            fact.version.modified_unix_ms,
            fact.version.sequence,
        )
        named = facts_pb2.ProfileActivated()
        named.CopyFrom(fact)
        named.ClearField("version")
        key = named.SerializeToString(deterministic=True)
        held = self._held.get(key)
        if held is not None and held.version >= version:
            return False
        self._held[key] = Activation(fact, parse_profile(content), content, version)
        self._chosen.clear()
        rules = [
            rule
            for activation in self._held.values()
            for family in activation.profile.families.values()
            for rule in family.rules
        ]
        self.subtract_waves = any(rule.subtract_waves for rule in rules)
        self.count_notices = any(rule.measure in NOTED for rule in rules)
        self.look_at_lessons = any(rule.measure in LESSON_BY_LESSON for rule in rules)
        return True

    def choose(self, unit_id: bytes, school_form: int, day: int) -> Profile | None:
        """The profile in force: the most specific scope, then the newest valid-from, then version.

        A scope that names units is more specific than one that names school
        forms; one that names both is the most specific.
        """
        key = (unit_id, school_form, day)
        if key not in self._chosen:
            fitting = [
                activation
                for activation in self._held.values()
                if activation.fact.valid_from_day <= day
                and (not (units := activation.fact.school_unit_ids) or unit_id in units)
                and (not (forms := activation.fact.school_forms) or school_form in forms)
            ]
            best = max(
                fitting,
                key=lambda one: (
                    bool(one.fact.school_unit_ids),
                    bool(one.fact.school_forms),
                    one.fact.valid_from_day,
                    one.version,
                    one.fact.profile_id,
                    one.fact.profile_version,
                ),
                default=None,
            )
            self._chosen[key] = best.profile if best else None
        return self._chosen[key]

    def encode(self) -> bytes:
        """The organiser's state row."""
        value = ActiveProfiles()
        for activation in self._held.values():
            value.profiles.add(activation=activation.fact, content=activation.content)
        return StateValue(active_profiles=value).SerializeToString()

    def restore(self, encoded: bytes) -> None:
        """Take the organiser's state row."""
        for one in StateValue.FromString(encoded).active_profiles.profiles:
            self.add(one.activation, one.content)
