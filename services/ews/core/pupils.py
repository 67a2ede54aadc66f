"""A pupil within a bucket: placements, notices, and the threads that were published."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from forvarning.facts.v1 import facts_pb2
from forvarning.state.v1.state_pb2 import PupilValue, StateValue
from forvarning.warnings.v1 import warnings_pb2
from services.ews.core import calendar, reports, rows
from services.ews.core.fold import Spell, Track
from services.ews.core.lessons import Version
from services.ews.core.notices import Notice

ThreadKey = tuple[int, int]
"""Family and school year."""


def version_of(message: facts_pb2.Version) -> Version:
    """A version as it is compared."""
    return (message.priority, message.modified_unix_ms, message.sequence)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a pupil belongs on a day. Without a placement class and form are unknown."""

    unit_id: bytes = b""
    class_id: bytes = b""
    school_form: int = 0


@dataclass(frozen=True, slots=True)
class Stay:
    """One placement, as days: ``first`` to before ``after``, within its school year."""

    first: int
    after: int
    place: Place
    rank: tuple[int, Version, bytes] = field(compare=False)
    """Of two that overlap the higher one holds."""


def place_among(stays: tuple[Stay, ...], day: int) -> Place | None:
    """The place that holds on a day; ``stays`` are as :meth:`Pupil.stays` orders them."""
    for stay in reversed(stays):
        if stay.first <= day < stay.after:
            return stay.place
    return None


@dataclass(slots=True)
class Thread:
    """A thread as last published."""

    thread_id: bytes
    revision: int
    incomplete: bool
    episodes: list[warnings_pb2.Episode]

    @classmethod
    def of_event(cls, event: warnings_pb2.WarningEvent) -> Thread:
        return cls(event.thread_id, event.revision, event.incomplete, list(event.episodes))


@dataclass(slots=True)
class Content:
    """An episode's content as last built, and what of its spell it was built for."""

    level_day: int
    level: int
    rule_id: str
    profile: tuple[str, int]
    episode: warnings_pb2.Episode

    def tells(self, spell: Spell) -> bool:
        """Whether it was built for this spell, resolution apart."""
        return (self.level_day, self.level, self.rule_id, self.profile) == (
            spell.level_day,
            spell.level,
            spell.rule.rule_id,
            (spell.profile.profile_id, spell.profile.version),
        )


class Pupil:
    """What the bucket knows of one pupil beside the lessons.

    What was restored stays bytes until it is asked for: most pupils were there, and nobody asks.
    """

    __slots__ = (
        "_leave",
        "_live",
        "_notices",
        "_placements",
        "_row",
        "_stays",
        "_threads",
        "_unread",
        "_unusual",
        "contents",
        "erased",
        "failed",
        "pupil_id",
        "today",
        "tracks",
    )

    def __init__(self, pupil_id: bytes) -> None:
        self.pupil_id = pupil_id
        self.erased = False
        """Nothing is kept of the pupil. This and the next are in the bucket's row."""
        self.failed = False
        """The last decision about the pupil raised."""
        self.tracks: dict[ThreadKey, Track] = {}
        self.contents: dict[ThreadKey, dict[int, Content]] = {}
        self.today: dict[int, dict[int, Spell]] = {}
        """By school year, the episodes of ogiltig_idag by day."""
        self._row = b""
        """The pupil's state row, until it is asked for."""
        self._unread: dict[ThreadKey, bytes] = {}
        """Published threads, until they are asked for."""
        self._placements: dict[bytes, facts_pb2.Placement] = {}
        self._notices: dict[bytes, facts_pb2.Notice] = {}
        self._threads: dict[ThreadKey, Thread] = {}
        self._stays: dict[int, tuple[Stay, ...]] = {}
        self._live: list[Notice] | None = None
        self._leave: tuple[tuple[int, int], ...] | None = None
        self._unusual: tuple[int, ...] | None = None

    # -- placements and notices ---------------------------------------------------------

    @property
    def placements(self) -> dict[bytes, facts_pb2.Placement]:
        """The newest version of each placement, by its identifier."""
        if self._row:
            self._read()
        return self._placements

    @property
    def notices(self) -> dict[bytes, facts_pb2.Notice]:
        """The newest version of each notice, by its identifier."""
        if self._row:
            self._read()
        return self._notices

    def _read(self) -> None:
        value, self._row = rows.decode(self._row).pupil, b""
        self._placements = {fact.placement_id: fact for fact in value.placements}
        self._notices = {fact.notice_id: fact for fact in value.notices}

    def place(self, fact: facts_pb2.Placement) -> bool:
        """Take a Placement; whether it was news."""
        held = self.placements.get(fact.placement_id)
        if held is not None and version_of(held.version) >= version_of(fact.version):
            return False
        self.placements[fact.placement_id] = fact
        self._stays.clear()
        self._unusual = None
        return True

    def notify(self, fact: facts_pb2.Notice) -> bool:
        """Take a Notice; whether it was news."""
        held = self.notices.get(fact.notice_id)
        if held is not None and version_of(held.version) >= version_of(fact.version):
            return False
        self.notices[fact.notice_id] = fact
        self._live = self._leave = self._unusual = None
        return True

    def erase(self) -> None:
        """Keep nothing but the identifier, and that it is erased (design D11)."""
        self.erased, self.failed = True, False
        self._row = b""
        self._unread.clear()
        self._placements.clear()
        self._notices.clear()
        self._threads.clear()
        self._live = None
        self.forget()

    def forget(self) -> None:
        """Keep nothing of the decisions but what was published."""
        # Whoever reads a thread believes what it tells: so no later than now.
        self._read_threads()
        self.tracks.clear()
        self.contents.clear()
        self.today.clear()
        self._stays.clear()
        self._leave = self._unusual = None

    # -- threads ------------------------------------------------------------------------

    @property
    def threads(self) -> dict[ThreadKey, Thread]:
        """The threads as last published."""
        self._read_threads()
        return self._threads

    def has_thread(self, key: ThreadKey) -> bool:
        """Whether anything was ever published of the family in the school year."""
        return key in self._threads or key in self._unread

    def thread(self, key: ThreadKey) -> Thread | None:
        """One of the threads; no other is read for it."""
        if key in self._unread:
            self.take(warnings_pb2.WarningEvent.FromString(self._unread.pop(key)))
        return self._threads.get(key)

    def thread_keys(self) -> Iterable[ThreadKey]:
        """What there are threads of."""
        return (*self._threads, *self._unread)

    def tell(self, key: ThreadKey, thread: Thread) -> None:
        """The thread, which has been read if there was one, is published like this now."""
        self._threads[key] = thread

    def keep_thread(self, key: ThreadKey, published: bytes) -> None:
        """Take a published thread as it is, where none is held; see :meth:`take`."""
        self._unread[key] = published

    def _read_threads(self) -> None:
        for key in list(self._unread):
            self.thread(key)

    def take(self, event: warnings_pb2.WarningEvent) -> bool:
        """Take a published thread; False where a later revision is held.

        Its episodes are what the facts said when it was published, so they need
        not be built again until something that they are about changes.
        """
        key: ThreadKey = (event.family, event.school_year)
        held = self.thread(key)
        if held is not None and held.revision >= event.revision:
            return False
        self._threads[key] = Thread.of_event(event)
        self.contents[key] = {
            one.raised_day: Content(
                one.level_day,
                one.level,
                one.rule_id,
                (one.profile_id, one.profile_version),
                one,
            )
            for one in event.episodes
            if one.state != warnings_pb2.EPISODE_STATE_WITHDRAWN
        }
        return True

    # -- what follows from them ---------------------------------------------------------

    def live_notices(self) -> list[Notice]:
        """The notices that can explain anything."""
        if self._live is None:
            self._live = [
                Notice(
                    fact.notice_id,
                    version_of(fact.version),
                    fact.start_unix_s,
                    fact.end_unix_s,
                    deleted=False,
                )
                for fact in self.notices.values()
                if not fact.deleted
            ]
        return self._live

    def leave_days(self) -> tuple[tuple[int, int], ...]:
        """See :func:`services.ews.core.reports.leave`."""
        if self._leave is None:
            self._leave = reports.leave(self.notices.values())
        return self._leave

    def unusual_reports(self) -> tuple[int, ...]:
        """See :func:`services.ews.core.reports.unusual`."""
        if self._unusual is None:
            self._unusual = reports.unusual(self.notices.values(), self._form_on)
        return self._unusual

    def _form_on(self, day: int) -> int:
        placed = self.placed(day)
        return placed.school_form if placed else 0

    def stays(self, year: int) -> tuple[Stay, ...]:
        """The school year's placements, in the order in which they give way to one another."""
        found = self._stays.get(year)
        if found is None:
            start, end = calendar.year_start(year), calendar.year_start(year + 1)
            held = [
                Stay(
                    max(fact.member_from_day, start),
                    min(fact.member_to_day or end, end),
                    Place(fact.school_unit_id, fact.class_id, fact.school_form),
                    (fact.member_from_day, version_of(fact.version), fact.placement_id),
                )
                for fact in self.placements.values()
                if fact.school_year == year and not fact.deleted
            ]
            found = tuple(
                sorted((one for one in held if one.first < one.after), key=lambda one: one.rank)
            )
            self._stays[year] = found
        return found

    def placed(self, day: int) -> Place | None:
        """The placement on a day; of several the one that began last."""
        return place_among(self.stays(calendar.school_year(day)), day)

    def encode(self) -> bytes:
        """The pupil's state row."""
        value = PupilValue(
            pupil_id=self.pupil_id,
            placements=self.placements.values(),
            notices=self.notices.values(),
        )
        return rows.encode(StateValue(pupil=value))

    def restore(self, row: bytes) -> None:
        """Take the pupil's state row."""
        self._row = row
        self._placements, self._notices = {}, {}
        self._stays.clear()
        self._live = self._leave = self._unusual = None
