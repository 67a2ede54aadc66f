"""Seeded days of school in which everything goes wrong, and what must hold all the same."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from email.utils import parsedate_to_datetime
from uuid import UUID

import pytest

from services.common.clock import STOCKHOLM, school_date
from services.notify import sending
from tests.integration.notify.sinks import MailSink
from tests.integration.notify.world import TUESDAY, Record, World

pytestmark = pytest.mark.anyio

DAYS = [TUESDAY, TUESDAY + timedelta(days=1), TUESDAY + timedelta(days=2)]


class CrashError(BaseException):
    """The process ends here: nothing in it may catch that."""


@dataclass
class Play:
    """A random run: the truth beside what is done to notify."""

    world: World
    mails: MailSink
    dice: random.Random
    absent: dict[UUID, set[date]] = field(default_factory=dict)
    events: list[Record] = field(default_factory=list)
    newest: dict[UUID, Record] = field(default_factory=dict)
    homes: dict[str, list[UUID]] = field(default_factory=dict)
    """Address to the pupils whose guardian has it."""
    silenced: set[UUID] = field(default_factory=set)
    """Protected or suppressed by now."""
    quiet: dict[str, int] = field(default_factory=dict)
    """How many mails an address had got when the last of its pupils was silenced."""

    async def people(self) -> None:
        world = self.world
        guardians = {
            f"hem{n}@example.org": await world.guardian(f"hem{n}@example.org") for n in range(5)
        }
        for _ in range(8):
            chosen = self.dice.sample(sorted(guardians), self.dice.randint(1, 2))
            pupil = await world.pupil(*(guardians[address] for address in chosen))
            self.absent[pupil] = set()
            for address in chosen:
                self.homes.setdefault(address, []).append(pupil)

        await self.silence(next(iter(self.absent)))

    async def silence(self, pupil: UUID) -> None:
        if self.dice.random() < 0.5:
            await self.world.protect(pupil)
        else:
            await self.world.admin.execute(
                "INSERT INTO people.notice_suppressions VALUES ($1, $2, 'skäl', $3, NULL) "
                "ON CONFLICT DO NOTHING",
                self.world.organiser,
                pupil,
                TUESDAY - timedelta(days=30),
            )
        self.silenced.add(pupil)
        for address, pupils in self.homes.items():
            if self.silenced.issuperset(pupils):
                self.quiet.setdefault(address, self.count(address))

    def count(self, address: str) -> int:
        return len({str(m["Message-ID"]) for m in self.mails.mails if m["To"] == address})

    @property
    def today(self) -> date:
        return school_date(self.world.clock.now())

    async def step(self) -> None:
        choice = self.dice.random()
        if choice < 0.35:
            await self.mark()
        elif choice < 0.5:
            await self.world.take(*self.dice.sample(self.events, min(3, len(self.events))))
        elif choice < 0.75:
            self.world.pass_minutes(self.dice.choice([1, 3, 7, 15, 22, 45]))
        elif choice < 0.8:
            self.weather()
        elif choice < 0.83:
            await self.silence(self.dice.choice(sorted(self.absent)))
        else:
            await self.work()

    async def mark(self) -> None:
        """A teacher marks or corrects; the event comes now, later, or later and again."""
        pupil = self.dice.choice(sorted(self.absent))
        self.absent[pupil] ^= {self.today}
        days = self.absent[pupil]
        withdrawn = () if self.today in days else (self.today,)
        record = self.world.warning(pupil, *sorted(days), withdrawn=withdrawn)
        self.events.append(record)
        self.newest[pupil] = record
        if self.dice.random() < 0.8:
            await self.world.take(record)

    def weather(self) -> None:
        answers = ["250 OK", "250 OK", "451 later", "554 no"]
        answer = self.dice.choice(answers)
        self.mails.answer = lambda _: answer
        refused = self.dice.choice(["", "", "hem1@example.org"])
        self.mails.recipient = lambda to: "550 no" if to == refused else "250 OK"

    async def work(self) -> None:
        """One or two workers; sometimes one ends between the mail server's yes and its record."""
        crash = self.dice.random() < 0.2
        real = sending.succeeded

        async def ends(*_: object) -> None:
            raise CrashError

        if crash:
            sending.succeeded = ends  # type: ignore[assignment]  # put back below
        try:
            results = await asyncio.gather(
                *(self.world.round() for _ in range(self.dice.randint(1, 2))),
                return_exceptions=True,
            )
            assert not [one for one in results if isinstance(one, Exception)]
        except CrashError:
            assert crash
        finally:
            sending.succeeded = real
        # Its lease ends.
        await self.world.admin.execute("UPDATE notify.messages SET leased_until = NULL")

    async def end(self) -> None:
        """Everything that was said arrives, the night falls, and everything works again."""
        self.mails.answer = lambda _: "250 OK"
        self.mails.recipient = lambda _: "250 OK"
        await self.world.take(*self.newest.values())
        self.world.at(0, 30, day=self.today + timedelta(days=1))
        before = len(self.mails.mails)
        await self.world.rounds(4)
        assert len(self.mails.mails) == before, "nothing about yesterday goes out after midnight"


async def check(play: Play) -> None:
    world = play.world
    ids_by_home: dict[tuple[str, date], set[str]] = {}
    for mail in play.mails.mails:
        sent = parsedate_to_datetime(str(mail["Date"])).astimezone(STOCKHOLM).date()
        ids_by_home.setdefault((str(mail["To"]), sent), set()).add(str(mail["Message-ID"]))
    assert all(len(ids) == 1 for ids in ids_by_home.values()), "at most one a day and guardian"
    days_of_id = Counter(next(iter(ids)) for ids in ids_by_home.values())
    assert set(days_of_id.values()) <= {1}, "no mail goes out on two days"
    for address, count in play.quiet.items():
        assert play.count(address) == count, "nothing after the last pupil was silenced"

    obligations = {
        (row["pupil_id"], row["school_date"]): row for row in await world.rows("obligations")
    }
    deliveries = await world.rows("deliveries")
    messages = {row["message_id"]: row for row in await world.rows("messages")}
    assert not [row for row in deliveries if row["state"] == "pending"]
    assert not [row for row in messages.values() if row["state"] == "queued"]
    for row in messages.values():
        if row["state"] == "sent":
            assert school_date(row["sent_at"]) == row["school_date"]
    for pupil, days in play.absent.items():
        for day in DAYS:
            held = obligations.get((pupil, day))
            mine = [
                row
                for row in deliveries
                if row["pupil_id"] == pupil
                and row["school_date"] == day
                and row["state"] != "withdrawn"
            ]
            if day not in days:
                assert held is None or held["excused"] or held["state"] == "withdrawn"
                continue
            assert held is not None, "an absence that stands is owed"
            assert not held["excused"]
            assert held["state"] in {"arranged", "call_home", "suppressed"}
            assert mine, "an absence that stands has an end"
            for row in mine:
                if row["state"] == "sent":
                    message = messages[row["message_id"]]
                    assert message["state"] == "sent"
    outbox = Counter(row["aggregateid"] for row in await world.rows("outbox"))
    published = [row["delivery_id"] for row in deliveries if row["state"] != "withdrawn"]
    assert outbox == Counter(published), "every end is published once"


async def run(world: World, mails: MailSink, number: int) -> None:
    seed = random.SystemRandom().randrange(2**32) + number
    print(f"seed {seed}")
    play = Play(world, mails, random.Random(seed))
    await play.people()
    for day in DAYS:
        world.at(8, day=day)
        for _ in range(25):
            await play.step()
            if play.today != day:
                break
    await play.end()
    await check(play)
    assert await world.rows("obligations")


@pytest.mark.parametrize("number", range(8))
async def test_whatever_happens_nobody_is_forgotten_told_twice_or_told_wrongly(
    world: World, mails: MailSink, number: int
) -> None:
    await run(world, mails, number)


@pytest.mark.soak
@pytest.mark.parametrize("number", range(300))
async def test_the_same_for_long(world: World, mails: MailSink, number: int) -> None:
    await run(world, mails, number)
