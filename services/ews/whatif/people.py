"""Who is in the facts, and to which school they are counted. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from forvarning.facts.v1 import facts_pb2

_Version = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class _Stay:
    version: _Version
    first: int
    after: int
    unit: bytes
    deleted: bool


@dataclass(slots=True)
class People:
    """The pupils of one partition, by their placements.

    A pupil counts once, at the school of the newest placement that began on
    or before the last day asked about; one that nothing places counts where
    the pupil's home is.
    """

    _stays: dict[bytes, dict[bytes, _Stay]] = field(default_factory=dict)
    _homes: dict[bytes, bytes] = field(default_factory=dict)
    _erased: set[bytes] = field(default_factory=set)

    def note(self, fact: facts_pb2.Fact) -> None:
        """Take what a fact says about who is where."""
        match fact.WhichOneof("body"):
            case "placement":
                self._place(fact.placement)
            case "register":
                ids, home = fact.register.pupil_ids, fact.register.home_id
                for at in range(0, len(ids), 16):
                    self._homes.setdefault(ids[at : at + 16], home)
            case "erase":
                self._erased.add(fact.erase.pupil_id)

    def _place(self, placement: facts_pb2.Placement) -> None:
        held = self._stays.setdefault(placement.pupil_id, {})
        said = placement.version
        version = (said.priority, said.modified_unix_ms, said.sequence)
        known = held.get(placement.placement_id)
        if known is None or version > known.version:
            held[placement.placement_id] = _Stay(
                version,
                placement.member_from_day,
                placement.member_to_day,
                placement.school_unit_id,
                placement.deleted,
            )

    def schools(self, first: int | None, last: int | None) -> dict[bytes, bytes]:
        """Every pupil that may be in school between the days, with the school's id.

        Both days are included; None is no limit. Erased pupils are left out.
        """
        found: dict[bytes, bytes] = {}
        for pupil, held in self._stays.items():
            stays = [stay for stay in held.values() if not stay.deleted]
            here = [
                stay
                for stay in stays
                if (last is None or stay.first <= last)
                and (first is None or not stay.after or stay.after > first)
            ]
            if here:
                found[pupil] = max(here, key=lambda stay: (stay.first, stay.version)).unit
        found |= {pupil: home for pupil, home in self._homes.items() if pupil not in self._stays}
        return {pupil: unit for pupil, unit in found.items() if pupil not in self._erased}
