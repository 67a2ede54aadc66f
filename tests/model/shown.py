"""A random world, and how a failing one is shown."""

from __future__ import annotations

from collections.abc import Sequence

from forvarning.facts.v1 import facts_pb2 as f
from tests.unit.ews.facts import HOME, OTHER_UNIT, name

PUPILS = 3


class World:
    """The facts, encoded, in a plausible order; ``seed`` tells how to disorder them.

    ``stops`` are (facts still to come, what happens to the core then).
    """

    def __init__(
        self, facts: list[bytes], seed: int, repeats: int, stops: Sequence[tuple[int, str]]
    ) -> None:
        self.facts = facts
        self.seed = seed
        self.repeats = repeats
        self.stops = tuple(stops)

    def __repr__(self) -> str:
        told = [_brief(f.Fact.FromString(fact)) for fact in self.facts]
        how = f"seed={self.seed}, repeats={self.repeats}, stops={self.stops}"
        return "World(\n  " + "\n  ".join(told) + f"\n  {how})"


def _brief(fact: f.Fact) -> str:
    body = fact.WhichOneof("body")
    one = getattr(fact, body or "")
    version = getattr(one, "version", f.Version())
    told = f"{body} {version.priority}/{version.modified_unix_ms}/{version.sequence}"
    names = {name(i, "pupil"): f"p{i}" for i in range(PUPILS)} | {HOME: "u1", OTHER_UNIT: "u2"}
    if body == "register":
        marks = zip(
            [names[one.pupil_ids[i : i + 16]] for i in range(0, len(one.pupil_ids), 16)],
            one.valid_minutes,
            one.invalid_minutes,
            one.other_minutes,
            one.flags,
            one.offered_minutes,
            one.arrived_late_minutes or [0] * len(one.flags),
            one.left_early_minutes or [0] * len(one.flags),
            strict=True,
        )
        unit = names[one.school_unit_id]
        return (
            f"{told} {unit} {one.epoch_day} {one.start_minute} {one.state} {one.subject} "
            + " ".join(str(mark) for mark in marks)
        )
    fields = [
        f"{field.name}={names.get(value, value) if isinstance(value, bytes) else value}"
        for field, value in one.ListFields()
        if field.name
        in {
            "pupil_id",
            "school_unit_id",
            "epoch_day",
            "kind",
            "partitions_closed",
            "revision_sum",
            "classes",
            "member_from_day",
            "member_to_day",
            "school_year",
            "deleted",
            "valid_from_day",
            "profile_id",
            "profile_version",
            "school_unit_ids",
            "start_unix_s",
            "end_unix_s",
            "school_forms",
        }
    ]
    return f"{told} " + " ".join(fields)
