"""One partition's facts through the decision core, once, from the first to the last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from forvarning.facts.v1 import facts_pb2
from forvarning.warnings.v1.warnings_pb2 import WarningEvent
from services.ews.core.api import PartitionCore, UndigestibleError, UnknownProfileError
from services.ews.oracle.absences import plain
from services.ews.oracle.findings import OracleError

ProfileKey = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a partition's facts lead to."""

    threads: dict[bytes, WarningEvent]
    absence_days: dict[bytes, bytes]
    group_days: list[bytes]


@dataclass(slots=True)
class Recomputation:
    """Facts in, threads out. ``core`` is fresh and belongs to this partition alone."""

    core: PartitionCore
    partition: int
    facts: int = 0
    registers: int = 0
    marks: int = 0
    undigested: int = 0
    organisers: set[bytes] = field(default_factory=set)
    unprotected: set[bytes] = field(default_factory=set)
    protected: set[bytes] = field(default_factory=set)

    def learn(self, profiles: Mapping[ProfileKey, bytes]) -> None:
        """Make every published profile known, before the first fact."""
        for (profile_id, version), content in profiles.items():
            self.core.learn_profile(profile_id, version, content)

    def take(self, value: bytes, offset: int, replay_of: int | None) -> facts_pb2.Fact | None:
        """Apply one fact as the stream does; returns it where it could be read.

        What the core refuses stays out, as it lies among the stream's dead
        letters. Raises OracleError where a profile's content is missing.
        """
        self.facts += 1
        try:
            self.core.apply(value, offset, partition=self.partition, replay_of=replay_of)
        except UndigestibleError as error:
            self.undigested += 1
            self.core.mark_undigested(error.pupil_ids, offset)
            return None
        except UnknownProfileError as error:
            raise OracleError(
                f"partition {self.partition}, offset {offset}: {error}. Its content has to be on "
                "the profile topic first."
            ) from error
        fact = facts_pb2.Fact.FromString(value)
        self._note(fact)
        return fact

    def finish(self) -> Outcome:
        """Every thread, absence day and sum as they stand after the last fact."""
        batch = self.core.collect()
        if batch.failed_folds:
            self.undigested += len(batch.failed_folds)
        return Outcome(
            {
                row.key: WarningEvent.FromString(row.value)
                for row in batch.warnings
                if row.value is not None
            },
            {row.key: plain(row.value) for row in batch.absence_days if row.value is not None},
            [row.value for row in batch.group_days if row.value is not None],
        )

    def _note(self, fact: facts_pb2.Fact) -> None:
        self.organisers.add(fact.organiser_id)
        body = fact.WhichOneof("body")
        if body == "register":
            self.registers += 1
            self.marks += len(fact.register.pupil_ids) // 16
        elif body == "placement":
            open_to_all = fact.placement.protection in {
                facts_pb2.PROTECTION_NONE,
                facts_pb2.PROTECTION_UNSPECIFIED,
            }
            (self.unprotected if open_to_all else self.protected).add(fact.placement.pupil_id)
