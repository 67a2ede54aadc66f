"""A small organiser in a real database, and warnings about its pupils. Every name is invented."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import asyncpg
from pydantic import SecretStr

from forvarning.notify.v1 import notify_pb2
from forvarning.school.v1 import school_pb2
from forvarning.warnings.v1 import warnings_pb2 as pb
from services.cases.chain.perform import perform
from services.cases.domain import threads
from services.cases.intake import absence, deliveries, school
from services.cases.intake.warnings import WarningIntake
from services.cases.store.scope import Database, Viewer
from services.common import migrate as migrations
from services.common import pg
from services.common.clock import FixedClock, epoch_day, local_instant, school_year
from services.common.settings import MigrateSettings
from tests.support.stack import TestPostgres

TUESDAY = date(2026, 11, 24)
YEAR = 2026
_IDS = UUID("5d3f0c57-2c2b-4d8e-8f6c-0a4c7d1e9b20")


def run(work: Coroutine[Any, Any, None]) -> None:
    """asyncio.run, also where the calling thread has a loop of its own (Playwright's)."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result()


def made(*parts: object) -> UUID:
    """The same words always give the same id."""
    return uuid5(_IDS, "|".join(str(part) for part in parts))


def name_of(dsn: str) -> str:
    """The database in a DSN."""
    return dsn.rsplit("/", 1)[1].partition("?")[0]


def migrated_database(postgres: TestPostgres) -> str:
    """The name of a migrated database, for others to be copied from."""
    admin = postgres.create_database()
    settings = MigrateSettings(
        owner_database_url=SecretStr(admin),
        ingest_database_password=SecretStr("ingest"),
        cases_database_password=SecretStr("cases"),
        notify_database_password=SecretStr("notify"),
    )

    async def migrate() -> None:
        await migrations.migrate(settings)

    run(migrate())
    return name_of(admin)


def own_database(postgres: TestPostgres, template: str) -> tuple[str, str]:
    """A copy of its own: the superuser's DSN and the case service's."""
    admin = postgres.create_database(template=template)

    async def own_password() -> None:
        # Roles are shared by all databases of the server; another test may have set its own.
        connection = await asyncpg.connect(admin)
        await connection.execute("ALTER ROLE forvarning_cases PASSWORD 'cases'")
        await connection.close()

    run(own_password())
    return admin, postgres.dsn(name_of(admin), user="forvarning_cases", password="cases")


@dataclass(frozen=True)
class Organiser:
    """One tenant: two units, three classes, and staff by login."""

    key: str

    @property
    def id(self) -> UUID:
        return made(self.key)

    def unit(self, name: str = "bjork") -> UUID:
        return made(self.key, "unit", name)

    def group(self, name: str = "7A") -> UUID:
        return made(self.key, "group", name)

    def staff(self, login: str) -> UUID:
        return made(self.key, "staff", login)

    def pupil(self, name: str) -> UUID:
        return made(self.key, "pupil", name)

    def area(self) -> UUID:
        return made(self.key, "area")

    def viewer(self, login: str) -> Viewer:
        return Viewer(self.id, self.staff(login))


A = Organiser("testkoping")
B = Organiser("provstad")

#: login: given name, family name, role, where
STAFF: tuple[tuple[str, str, str, str, str], ...] = (
    ("karin", "Karin", "Testsson", "attendance_officer", "unit:bjork"),
    ("rolf", "Rolf", "Provberg", "principal", "unit:bjork"),
    ("maja", "Maja", "Låtsas", "mentor", "group:7A"),
    ("elias", "Elias", "Exempel", "student_health", "unit:bjork"),
    ("olle", "Olle", "Påhitt", "attendance_officer", "unit:ek"),
    ("rut", "Rut", "Fiktiv", "principal", "unit:ek"),
    ("kim", "Kim", "Simulsson", "coordinator", "area"),
)
#: key: given name, family name, class, unit, grade, protection, born
PUPILS: tuple[tuple[str, str, str, str, str, int, str, date], ...] = (
    ("alva", "Alva", "Exempelsson", "7A", "bjork", 7, "none", date(2013, 4, 5)),
    ("bo", "Bo", "Låtsasson", "7A", "bjork", 7, "none", date(2013, 9, 17)),
    ("cilla", "Cilla", "Provdotter", "8B", "bjork", 8, "none", date(2012, 2, 29)),
    ("dino", "Dino", "Testberg", "8B", "bjork", 8, "confidential", date(2012, 6, 1)),
    ("ebba", "Ebba", "Fiktivsson", "9C", "ek", 9, "none", date(2011, 1, 20)),
    ("frej", "Frej", "Påhittson", "7A", "bjork", 7, "none", date(2013, 12, 24)),
    ("gry", "Gry", "Simulberg", "8B", "bjork", 8, "none", date(2012, 8, 8)),
    ("hugo", "Hugo", "Övningsson", "7A", "bjork", 7, "none", date(2008, 5, 5)),
)


async def settle(admin: asyncpg.Connection[asyncpg.Record], organiser: Organiser) -> None:
    """Write the organiser's people."""
    run, org = admin.execute, organiser.id
    await run(
        "INSERT INTO people.organisers (organiser_id, name, kind, phone) "
        "VALUES ($1, $2, 'municipal', '010-000 00 00')",
        org,
        f"{organiser.key.capitalize()}s kommun",
    )
    await run("INSERT INTO people.areas VALUES ($1, $2, 'Område Norr')", org, organiser.area())
    for unit, name in (("bjork", "Björkskolan"), ("ek", "Ekskolan")):
        await run(
            "INSERT INTO people.school_units (organiser_id, school_unit_id, name, area_id) "
            "VALUES ($1, $2, $3, $4)",
            org,
            organiser.unit(unit),
            name,
            organiser.area(),
        )
        await run(
            "INSERT INTO people.calendars VALUES ($1, $2, $3, $4, $5)",
            org,
            organiser.unit(unit),
            YEAR,
            '[{"name": "HT2026", "first": "2026-08-18", "last": "2026-12-18"},'
            ' {"name": "VT2027", "first": "2027-01-11", "last": "2027-06-11"}]',
            '[{"first": "2026-11-02", "last": "2026-11-06", "reason": "höstlov"}]',
        )
    for group, unit, grade in (("7A", "bjork", 7), ("8B", "bjork", 8), ("9C", "ek", 9)):
        await run(
            "INSERT INTO people.groups (organiser_id, group_id, school_unit_id, kind, grade, name) "
            "VALUES ($1, $2, $3, 'class', $4, $5)",
            org,
            organiser.group(group),
            organiser.unit(unit),
            grade,
            group,
        )
    for login, given, family, role, where in STAFF:
        await hire(admin, organiser, login, given, family)
        await give_duty(admin, organiser, login, role, where)
    for key, given, family, group, unit, grade, protection, born in PUPILS:
        await run(
            "INSERT INTO people.pupils (organiser_id, pupil_id, given_name, family_name, "
            "birth_date, sex, protection, phone) "
            "VALUES ($1, $2, $3, $4, $5, 'unknown', $6, '070-000 00 01')",
            org,
            organiser.pupil(key),
            given,
            family,
            born,
            protection,
        )
        await run(
            "INSERT INTO people.placements VALUES ($1, $2, $3, $4, $5, 'GR', $6, $7, $8, NULL)",
            org,
            made(organiser.key, "placement", key),
            organiser.pupil(key),
            organiser.unit(unit),
            organiser.group(group),
            grade,
            YEAR,
            date(2026, 8, 18),
        )
        for number, guardian in enumerate(("Vera", "Viktor"), start=1):
            guardian_id = made(organiser.key, "guardian", key, guardian)
            await run(
                "INSERT INTO people.guardians VALUES ($1, $2, $3, $4, $5, $6)",
                org,
                guardian_id,
                guardian,
                family,
                f"{guardian.lower()}.{key}@example.org",
                f"070-000 01 0{number}",
            )
            await run(
                "INSERT INTO people.guardian_relations VALUES ($1, $2, $3, 'guardian')",
                org,
                organiser.pupil(key),
                guardian_id,
            )


async def hire(
    admin: asyncpg.Connection[asyncpg.Record],
    organiser: Organiser,
    login: str,
    given: str,
    family: str,
) -> None:
    """A new member of staff; the login of another organiser's carries its key."""
    own = login if organiser is A else f"{login}.{organiser.key}"
    await admin.execute(
        "INSERT INTO people.staff (organiser_id, staff_id, login, given_name, family_name) "
        "VALUES ($1, $2, $3, $4, $5)",
        organiser.id,
        organiser.staff(login),
        own,
        given,
        family,
    )


async def give_duty(
    admin: asyncpg.Connection[asyncpg.Record],
    organiser: Organiser,
    login: str,
    role: str,
    where: str,
    *,
    substitute: bool = False,
    since: date = date(2026, 8, 1),
    until: date | None = None,
) -> None:
    """A duty; ``where`` is ``unit:KEY``, ``group:NAME``, ``area`` or ``all``."""
    kind, _, name = where.partition(":")
    await admin.execute(
        "INSERT INTO people.duties (organiser_id, duty_id, staff_id, role, area_id, "
        "school_unit_id, group_id, substitute, valid_from, valid_to) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        organiser.id,
        made(organiser.key, "duty", login, role, where, since),
        organiser.staff(login),
        role,
        organiser.area() if kind == "area" else None,
        organiser.unit(name) if kind == "unit" else None,
        organiser.group(name) if kind == "group" else None,
        substitute,
        since,
        until,
    )


_RULES = {
    pb.FAMILY_LONG_TERM: "langvarig-5-dagar",
    pb.FAMILY_SPORADIC: "strofranvaro-dagar",
    pb.FAMILY_UNEXCUSED_TODAY: "ogiltig-idag",
}


@dataclass
class Story:
    """One warning thread as the stream would publish it, revision by revision."""

    organiser: Organiser
    pupil: str
    family: pb.Family
    unit: str = "bjork"
    group: str = "7A"
    revision: int = 0
    episodes: list[pb.Episode] = field(default_factory=list)

    @property
    def thread_id(self) -> UUID:
        return made(self.organiser.key, "thread", self.pupil, self.family)

    def raised(self, day: date, *, level: int = 1, sentence: str = "", run_days: int = 5) -> Story:
        """A new episode."""
        episode = pb.Episode(
            episode_id=made(self.thread_id, len(self.episodes)).bytes,
            state=pb.EPISODE_STATE_ACTIVE,
            level=level,
            raised_day=epoch_day(day),
            level_day=epoch_day(day),
            rule_id=_RULES.get(self.family, "regel"),
            profile_id="standard",
            profile_version=1,
            sentence=sentence or f"Frånvarande hela skoldagen {run_days} skoldagar i rad.",
            figures=figures(day, run_days),
            lessons=[ground(self.thread_id, day, number) for number in range(3)],
        )
        self.episodes.append(episode)
        return self

    def escalated(self, day: date, level: int = 2) -> Story:
        """The last episode is worse."""
        episode = self.episodes[-1]
        episode.level = level
        episode.level_day = epoch_day(day)
        episode.sentence = f"Frånvarande hela skoldagen {level * 5} skoldagar i rad."
        return self

    def amended(self, sentence: str) -> Story:
        """A correction changed its figures."""
        self.episodes[-1].sentence = sentence
        self.episodes[-1].figures.valid += 60
        return self

    def resolved(self, day: date) -> Story:
        """It is over."""
        self.episodes[-1].state = pb.EPISODE_STATE_RESOLVED
        self.episodes[-1].resolved_day = epoch_day(day)
        return self

    def withdrawn(self, index: int = -1) -> Story:
        """A correction took its ground away."""
        self.episodes[index].state = pb.EPISODE_STATE_WITHDRAWN
        return self

    def event(self, day: date, *, incomplete: bool = False) -> bytes:
        """The next revision's bytes."""
        self.revision += 1
        return self.event_again(day, incomplete=incomplete)

    def event_again(self, day: date, *, incomplete: bool = False) -> bytes:
        """The same revision once more."""
        return pb.WarningEvent(
            organiser_id=self.organiser.id.bytes,
            thread_id=self.thread_id.bytes,
            revision=self.revision,
            pupil_id=self.organiser.pupil(self.pupil).bytes,
            family=self.family,
            school_year=school_year(day),
            school_unit_id=self.organiser.unit(self.unit).bytes,
            class_id=self.organiser.group(self.group).bytes,
            episodes=self.episodes,
            caused_by_unix_ms=1,
            epoch_day=epoch_day(day),
            incomplete=incomplete,
            home_id=made("home").bytes,
            bucket=1,
        ).SerializeToString()


def figures(day: date, run_days: int) -> pb.Figures:
    return pb.Figures(
        window_first_day=epoch_day(day - timedelta(days=27)),
        window_last_day=epoch_day(day),
        offered=6000,
        reported=5400,
        valid=300,
        invalid_unexplained=900,
        invalid_confirmed=60,
        absence_occasions=run_days * 3,
        absence_days=run_days,
        run_days=run_days,
        reporting_rate_known=True,
        value=run_days,
        threshold=5,
    )


def ground(seed: UUID, day: date, number: int) -> pb.LessonGround:
    return pb.LessonGround(
        lesson_id=made(seed, "lesson", day, number).bytes,
        epoch_day=epoch_day(day),
        start_minute=490 + number * 70,
        length_minutes=60,
        subject=("Matematik", "Svenska", "Idrott och hälsa")[number % 3],
        offered=60,
        valid=60 if number == 2 else 0,
        invalid_unexplained=0 if number == 2 else 60,
    )


def absence_day(
    organiser: Organiser,
    pupil: str,
    day: date,
    *,
    valid: int = 0,
    unexplained: int = 0,
    lessons: int = 5,
    reported: int = 5,
    absent: int = 0,
    revision: int = 1,
) -> bytes:
    """One AbsenceDay's bytes; lessons of an hour."""
    return pb.AbsenceDay(
        organiser_id=organiser.id.bytes,
        pupil_id=organiser.pupil(pupil).bytes,
        epoch_day=epoch_day(day),
        school_unit_id=organiser.unit().bytes,
        offered=lessons * 60,
        reported=reported * 60,
        valid=valid,
        invalid_unexplained=unexplained,
        lessons=lessons,
        lessons_reported=reported,
        lessons_absent=absent,
        revision=revision,
    ).SerializeToString()


def delivery(
    organiser: Organiser,
    pupil: str,
    day: date,
    at: datetime,
    *,
    state: str = "CALL_HOME",
    reason: str = "protected_pupil",
    key: str = "",
) -> bytes:
    """One Delivery's bytes."""
    return notify_pb2.Delivery(
        delivery_id=made("delivery", organiser.key, pupil, day, key).bytes,
        organiser_id=organiser.id.bytes,
        school_unit_id=organiser.unit().bytes,
        kind=notify_pb2.DELIVERY_KIND_SAME_DAY,
        state=f"DELIVERY_STATE_{state}",
        channel=notify_pb2.CHANNEL_MAIL,
        pupil_id=organiser.pupil(pupil).bytes,
        epoch_day=epoch_day(day),
        occurred_unix_ms=int(at.timestamp() * 1000),
        reason=reason,
    ).SerializeToString()


def school_signal(
    organiser: Organiser,
    kind: str,
    place: str,
    last: date,
    *,
    unit: str = "bjork",
    first: date | None = None,
    state: str = "ACTIVE",
    revision: int = 1,
    **figures: int,
) -> bytes:
    """One SchoolSignal's bytes; ``place``: ``unit``, ``class:7A``, ``subject:X`` …"""
    scope, _, which = place.partition(":")
    signal = school_pb2.SchoolSignal(
        organiser_id=organiser.id.bytes,
        school_unit_id=organiser.unit(unit).bytes,
        signal_id=made(organiser.key, "signal", unit, kind, place).bytes,
        revision=revision,
        kind=f"SIGNAL_KIND_{kind.upper()}",
        scope=f"SIGNAL_SCOPE_{scope.upper()}",
        class_id=organiser.group(which).bytes if scope == "class" else b"",
        subject=which if scope == "subject" else "",
        slot=f"SLOT_{which.upper()}" if scope == "slot" else None,
        school_year=YEAR,
    )
    if state != "NONE":
        signal.episodes.add(
            state=f"SIGNAL_STATE_{state}",
            first_day=epoch_day(first or last),
            last_day=epoch_day(last),
            days=1,
            figures=school_pb2.SignalFigures(
                **(
                    {
                        "window_days": 20,
                        "pupils": 24,
                        "absent": 9,
                        "share_permille": 375,
                        "usual_permille": 80,
                        "offered": 10_000,
                        "reported": 6_199,
                    }
                    | figures
                )
            ),
        )
    return signal.SerializeToString()


class World:
    """The case service's parts on a real database; the clock moves only when told."""

    def __init__(
        self, pool: pg.Pool, admin: asyncpg.Connection[asyncpg.Record], clock: FixedClock
    ) -> None:
        self.pool = pool
        self.admin = admin
        self.clock = clock
        self.database = Database(pool, clock)
        self.intake = WarningIntake(self.database, age_limit_days=7)

    @classmethod
    async def start(cls, admin_dsn: str, dsn: str) -> World:
        pool = await pg.connect(SecretStr(dsn), service="cases", size=6)
        admin = await asyncpg.connect(admin_dsn)
        world = cls(pool, admin, FixedClock(local_instant(TUESDAY, 9 * 60)))
        await settle(admin, A)
        await settle(admin, B)
        return world

    async def stop(self) -> None:
        await self.admin.close()
        await self.pool.close()

    async def take(self, *events: bytes) -> None:
        """Apply warnings, all in one batch."""
        batch = [(threads.decode(raw), raw) for raw in events]
        for organiser_id in {thread.organiser_id for thread, _ in batch}:
            part = [pair for pair in batch if pair[0].organiser_id == organiser_id]
            await self.intake.apply(organiser_id, part)

    async def take_days(self, *days: bytes) -> None:
        found = [absence.decode(raw) for raw in days]
        known = [day for day in found if day is not None]
        await absence.apply(self.database, known[0].organiser_id, known)

    async def take_deliveries(self, *raw: bytes) -> None:
        found = [deliveries.decode(one) for one in raw]
        await deliveries.apply(self.database, found[0].organiser_id, found)

    async def take_signals(self, *raw: bytes) -> None:
        found = [(signal, one) for one in raw if (signal := school.decode(one)) is not None]
        await school.apply(self.database, found[0][0].organiser_id, found)

    async def close(
        self,
        viewer: Viewer,
        case: UUID | str,
        reason: str = "attendance_restored",
        note: str = "",
    ) -> None:
        """Close a case whose attendance is known to be good."""
        ending = {"on": self.database.today().isoformat(), "reason": reason, "note": note}
        await perform(self.database, viewer, case, "close_case", ending)

    async def case(self, organiser: Organiser, pupil: str) -> asyncpg.Record:
        """The pupil's case as it stands in the table."""
        row = await self.admin.fetchrow(
            "SELECT * FROM cases.cases WHERE organiser_id = $1 AND pupil_id = $2",
            organiser.id,
            organiser.pupil(pupil),
        )
        assert row is not None
        return row

    async def history(self, organiser: Organiser, pupil: str) -> list[str]:
        """The kinds of what happened in the pupil's case, oldest first."""
        rows = await self.admin.fetch(
            "SELECT e.kind FROM cases.case_events e JOIN cases.cases c USING (case_id) "
            "WHERE c.organiser_id = $1 AND c.pupil_id = $2 ORDER BY e.seq",
            organiser.id,
            organiser.pupil(pupil),
        )
        return [row["kind"] for row in rows]

    async def told(self) -> list[str]:
        """The outbox, oldest first."""
        rows = await self.admin.fetch("SELECT type FROM cases.outbox ORDER BY seq")
        return [row["type"] for row in rows]
