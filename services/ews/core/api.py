"""What the shell may ask of the decision core, and nothing else.

The core is pure: bytes in, bytes out, no clock, no randomness, no I/O. One
:class:`PartitionCore` holds everything that one partition of the input log has
said. The shell (services.ews) owns offsets, transactions and time.

The implementation is :class:`services.ews.core.core.Core`; ``Core()`` needs no
arguments. ``restore``, ``restore_published`` and ``learn_profile`` come before
the first ``apply``. A row whose key is ``checkpoint`` is the shell's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol


class CoreError(Exception):
    """Root of what the core raises.

    CoreError
    ├── UndigestibleError   this fact cannot be applied; the state is as before the call
    ├── UnknownProfileError the content of an activated profile is not at hand yet
    ├── ProfileError        a profile's content cannot be used (services.ews.core.profile)
    ├── StateError          the changelog was written by another version: rebuild the partition
    └── PublishedError      what was published is not at hand any more: rebuild the partition
    """


class UndigestibleError(CoreError):
    """The fact was refused whole; nothing of it is in the state.

    ``reason`` is a short code for the dead letter and its metric, ``detail``
    names the field. ``pupil_ids`` are those the fact is about, as far as it
    could be read: the shell has already nothing to undo.
    """

    def __init__(self, reason: str, detail: str, pupil_ids: Sequence[bytes] = ()) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.pupil_ids = tuple(pupil_ids)


class UnknownProfileError(CoreError):
    """A ProfileActivated names content that :meth:`PartitionCore.learn_profile` has not brought.

    The state is as before the call. The shell holds this partition's facts
    back, says so, and applies the same fact again when the content is there.
    """

    def __init__(self, profile_id: str, profile_version: int, digest: bytes) -> None:
        super().__init__(f"profile {profile_id}@{profile_version} is not known yet")
        self.profile_id = profile_id
        self.profile_version = profile_version
        self.digest = digest


class StateError(CoreError):
    """A changelog row that this version cannot read; the partition has to be rebuilt."""


class PublishedError(CoreError):
    """ews.warnings.v1 does not hold what the changelog says was published.

    To go on would begin revisions anew that consumers have seen already, so that
    they would hear of no warning any more.
    """


@dataclass(frozen=True, slots=True)
class Row:
    """One record for a compacted topic; ``value`` None is a tombstone."""

    key: bytes
    value: bytes | None


@dataclass(frozen=True, slots=True)
class FailedFold:
    """A pupil whose decision raised; the facts are kept, nothing of it was published.

    ``offset`` is that of the newest fact that touched the pupil. The pupil is
    marked incomplete in the state until a fold succeeds.
    """

    pupil_id: bytes
    offset: int
    reason: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Everything that became due since the last :meth:`PartitionCore.collect`.

    The shell puts all of it, and the checkpoint row, into one transaction.
    """

    state: list[Row] = field(default_factory=list)
    warnings: list[Row] = field(default_factory=list)
    absence_days: list[Row] = field(default_factory=list)
    group_days: list[Row] = field(default_factory=list)
    failed_folds: list[FailedFold] = field(default_factory=list)


class PartitionCore(Protocol):
    """The state and the decisions of one partition."""

    def restore(self, key: bytes, value: bytes) -> None:
        """Take one changelog row: the newest of its key, and no tombstone. In any order.

        Kept as bytes until first touched. Raises StateError.
        """

    def restore_published(self, key: bytes, value: bytes | None) -> None:
        """Take one row of ews.warnings.v1, in offset order: the partition's, from its beginning.

        Threads are kept there and nowhere else; the highest revision of each
        stands (design D4).
        """

    def check_published(self) -> None:
        """All rows of the changelog and of ews.warnings.v1 are in, and no rebuild is due.

        Raises PublishedError where they do not belong together.
        """

    def restore_absence_day(self, key: bytes, value: bytes | None) -> None:
        """Take one row of ews.absence-days.v1, in offset order, before :meth:`begin_rebuild` only.

        Without these rows a rebuild starts the revisions of absence days over.
        Days that come out as they were published are not sent again; those of
        which the facts say nothing any more stand until the pupil is erased.
        """

    def restore_group_day(self, key: bytes, value: bytes | None) -> None:
        """Take one row of ews.group-days.v1, in offset order, before :meth:`begin_rebuild` only."""

    def begin_rebuild(self) -> None:
        """Facts that were in the log long ago are about to be applied again.

        Called after the restore_published rows and before the first fact of a
        partition that has no changelog, and again when a rebuild goes on after
        a restart. Until :meth:`end_rebuild` :meth:`collect` hands out state
        only: a prefix of the facts must neither withdraw nor repeat what is
        published (design D4).
        """

    def end_rebuild(self) -> None:
        """All facts that were in the log are applied: the next collect publishes the difference."""

    def learn_profile(self, profile_id: str, profile_version: int, content: bytes) -> None:
        """Make a profile's content known. Raises ProfileError where it is invalid."""

    def apply(
        self, value: bytes, offset: int, *, partition: int, replay_of: int | None = None
    ) -> None:
        """Apply one fact. All or nothing; see :class:`CoreError`.

        ``replay_of`` is the offset of the dead letter that this fact restates;
        applying it clears that offset from its pupils' undigested marks.
        """

    def mark_undigested(self, pupil_ids: Sequence[bytes], offset: int) -> None:
        """Remember that a fact about these pupils lies among the dead letters."""

    @property
    def wants_flush(self) -> bool:
        """True while something is waiting that a person is waiting for (a warning may be due).

        A hint for a shell that has caught up with the log. One that is behind
        must not follow it: nearly every register carries some unexplained
        absence, and collecting seldom is what makes catching up fast.
        """

    def settle(self) -> bool:
        """Judge the school year of one bucket that was restored and not judged since.

        Whatever facts need it then find it done. False where none is left. Between a collect
        and the next fact; else it puts off. What comes out otherwise than it was published,
        since another version of the core had decided, waits for the next collect.
        """

    def collect(self) -> Batch:
        """Redo the decisions of every touched pupil and hand out what changed.

        After it the core regards the batch as published: where the transaction
        fails the shell must end the process (design D3).
        """
