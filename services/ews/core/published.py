"""What ews.warnings.v1 holds of a partition: each thread as it was last published (design D4).

That topic is the only place where threads are kept. The changelog has an account
of it, how many threads there are and a digest of their revisions, written in
the transactions that publish: whoever restores the partition knows whether
what it has read of the topic is all of it.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import NamedTuple

from google.protobuf.message import DecodeError

from forvarning.state.v1.state_pb2 import Account, StateValue, ThreadHead
from services.ews.core import ids
from services.ews.core.api import PublishedError, Row
from services.ews.core.pupils import ThreadKey

ACCOUNT_KEY = b"w"


class Kept(NamedTuple):
    """A thread's newest revision; its bytes are decoded when somebody asks for the thread."""

    bucket: str
    pupil_id: bytes
    key: ThreadKey
    revision: int
    value: bytes


class Published:
    """The threads that no bucket has taken up yet, and the account of all."""

    def __init__(self) -> None:
        self._read: dict[bytes, Kept] = {}
        """By thread, as far as the topic is read."""
        self._waiting: dict[str, dict[bytes, dict[bytes, Kept]]] = {}
        """By bucket key, pupil and thread, once it is."""
        self._threads = 0
        self._digest = 0
        self._expected: Account | None = None
        self._changed = False
        self._strange: bytes | None = None
        """The key of a record that nobody can read."""

    # -- reading the topic --------------------------------------------------------------

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Take a row of the topic; the highest revision of a thread stands."""
        held = self._read.get(key)
        before = held.revision if held is not None else 0
        if value is None:
            self._read.pop(key, None)
            self._count(key, before, 0)
            return
        try:
            head = ThreadHead.FromString(value)
        except DecodeError:
            self._strange = key
            return
        if head.revision > before:
            name = ids.bucket_key(head.organiser_id, head.home_id, head.bucket)
            thread = head.family, head.school_year
            self._read[key] = Kept(name, head.pupil_id, thread, head.revision, value)
            self._count(key, before, head.revision)

    def expect(self, row: bytes) -> None:
        """Take the changelog's account."""
        self._expected = StateValue.FromString(row).account

    def check(self) -> None:
        """Raise PublishedError where the topic is not what the changelog's account says."""
        if self._strange is not None:
            raise PublishedError(f"the record of thread {self._strange.hex()} is no WarningEvent")
        wanted = self._expected
        if wanted is None:
            # Nothing was published since the changelog began: what there is, is taken as it is.
            self._changed = self._threads > 0
            return
        if (self._threads, self._digest) == (wanted.threads, wanted.digest):
            return
        says = f"{wanted.threads} threads, digest {wanted.digest:016x}"
        raise PublishedError(
            f"ews.warnings.v1 holds {self._threads} threads, digest {self._digest:016x}, of this "
            f"partition; the changelog says that it was {says}"
        )

    # -- handing out --------------------------------------------------------------------

    def buckets(self) -> set[str]:
        """The keys of the buckets with threads that nobody has taken up."""
        for thread_id, event in self._read.items():
            pupils = self._waiting.setdefault(event.bucket, {})
            pupils.setdefault(event.pupil_id, {})[thread_id] = event
        self._read.clear()
        return set(self._waiting)

    def take_up(self, bucket: str, pupil_ids: dict[bytes, int]) -> list[Kept]:
        """The threads of these pupils of the bucket; they are handed out once."""
        if self._read:
            self.buckets()
        pupils = self._waiting.get(bucket)
        if pupils is None:
            return []
        known = [one for one in pupils if one in pupil_ids]
        found = [one for pupil_id in known for one in pupils.pop(pupil_id).values()]
        if not pupils:
            del self._waiting[bucket]
        return found

    # -- the account --------------------------------------------------------------------

    def note(self, thread_id: bytes, before: int, after: int) -> None:
        """A thread's published revision is another one now; 0 where there is none."""
        self._count(thread_id, before, after)
        self._changed = True

    def _count(self, thread_id: bytes, before: int, after: int) -> None:
        for revision, one in ((before, -1), (after, 1)):
            if revision:
                told = blake2b(thread_id + revision.to_bytes(4, "little"), digest_size=8)
                self._digest ^= int.from_bytes(told.digest(), "little")
                self._threads += one

    def row(self, *, anyway: bool) -> list[Row]:
        """The account's state row, where it changed since it was last asked for."""
        if not (self._changed or anyway):
            return []
        self._changed = False
        account = Account(threads=self._threads, digest=self._digest)
        return [Row(ACCOUNT_KEY, StateValue(account=account).SerializeToString())]
