"""What the browser finds: a Tuesday morning at an invented school, told through the real topics."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import asyncpg
import httpx

from forvarning.warnings.v1 import warnings_pb2 as pb
from services.common import topics
from services.common.clock import STOCKHOLM, epoch_day
from tests.integration.cases.process import PASSWORD, CasesProcess, count, send, until
from tests.integration.cases.world import (
    TUESDAY,
    A,
    B,
    Story,
    absence_day,
    delivery,
    ground,
    school_signal,
    settle,
)
from tests.integration.cases.world import run as in_thread

SUBJECTS = ("Matematik", "Svenska", "Engelska", "Idrott och hälsa", "NO", "Slöjd")


def at(day: date, hour: int, minute: int = 0) -> datetime:
    """By the wall clock in Sweden."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=STOCKHOLM)


def _warning(story: Story, raw: bytes) -> tuple[topics.Topic, bytes, bytes]:
    return (topics.WARNINGS, story.thread_id.bytes, raw)


def _lessons(story: Story, days: list[date], count_a_day: int) -> None:
    """Give the newest episode lessons on these days, newest first."""
    episode = story.episodes[-1]
    del episode.lessons[:]
    for number, day in enumerate(sorted(days, reverse=True)):
        for slot in reversed(range(count_a_day)):
            lesson = ground(story.thread_id, day, slot)
            lesson.subject = SUBJECTS[(number * 2 + slot) % len(SUBJECTS)]
            lesson.start_minute = (490, 570, 650, 760, 840)[slot]
            if (number + slot) % 4 == 3:
                lesson.valid, lesson.invalid_unexplained = 60, 0
            else:
                lesson.valid, lesson.invalid_unexplained = 0, 60
            episode.lessons.append(lesson)


def _same_day(story: Story, day: date, minutes: int) -> None:
    """What the rule about one day saw."""
    _figures(
        story,
        window_first_day=epoch_day(day),
        window_last_day=epoch_day(day),
        offered=300,
        reported=240,
        valid=0,
        invalid_unexplained=minutes,
        invalid_confirmed=0,
        absence_occasions=1,
        absence_days=1,
        run_days=0,
        value=minutes,
        threshold=15,
    )


def _figures(story: Story, **values: float) -> None:
    for name, value in values.items():
        field = type(getattr(story.episodes[-1].figures, name))
        setattr(story.episodes[-1].figures, name, field(value))


async def tell(process: CasesProcess, admin_dsn: str) -> None:
    """The people, the autumn so far, and this morning."""
    admin = await asyncpg.connect(admin_dsn)
    try:
        await settle(admin, A)
        await settle(admin, B)
        await _tell(process, admin)
    finally:
        await admin.close()


async def _tell(process: CasesProcess, admin: asyncpg.Connection[asyncpg.Record]) -> None:
    async def say(*records: tuple[topics.Topic, bytes, bytes]) -> None:
        await send(process.bootstrap, *records)
        expected[0] += sum(topic is topics.WARNINGS for topic, _, _ in records)

        async def arrived() -> bool:
            # Every warning of the scene is a revision of its own: none is left out.
            held = "SELECT coalesce(sum(revision), 0) FROM cases.warnings"
            return await count(admin, held) >= expected[0]

        await until(arrived, "the warnings are stored")

    expected = [0]
    thursday, monday = TUESDAY - timedelta(days=5), TUESDAY - timedelta(days=1)

    # In September somebody was away for a week; it was read in afterwards.
    process.set_clock(at(date(2026, 11, 16), 8))
    september = date(2026, 9, 25)
    old = Story(A, "gry", pb.FAMILY_LONG_TERM, group="8B").raised(
        september, sentence="Frånvarande hela skoldagen 5 skoldagar i rad, 21–25 september 2026."
    )
    old.resolved(date(2026, 10, 2))
    cilla = Story(A, "cilla", pb.FAMILY_SPORADIC, group="8B").raised(
        date(2026, 11, 13),
        sentence="Borta vid 9 tillfällen på 7 olika dagar de senaste 20 skoldagarna, "
        "oftast första lektionen.",
    )
    await say(
        _warning(old, old.event(september)),
        _warning(cilla, cilla.event(date(2026, 11, 13))),
    )

    # Karin takes Cilla's case on and talks to her.
    process.set_clock(at(date(2026, 11, 17), 9, 20))
    await _acknowledge(
        process,
        "Cilla Provdotter",
        "Pratade med Cilla efter lunchen. Bussen är ofta sen; vi provar att byta till linje 4.",
    )

    # Alva has been away from school since Thursday a week ago.
    process.set_clock(at(thursday, 8, 5))
    week = [date(2026, 11, day) for day in (12, 13, 16, 17, 18)]
    alva = Story(A, "alva", pb.FAMILY_LONG_TERM).raised(
        date(2026, 11, 18),
        sentence="Frånvarande hela skoldagen 5 skoldagar i rad, 12–18 november 2026.",
    )
    _lessons(alva, week, 5)
    _figures(
        alva,
        offered=6000,
        reported=5700,
        valid=480,
        invalid_unexplained=1260,
        invalid_confirmed=0,
        absence_occasions=0,
        absence_days=9,
        run_days=5,
    )
    await say(_warning(alva, alva.event(date(2026, 11, 18))))

    process.set_clock(at(monday, 17, 40))
    bo = Story(A, "bo", pb.FAMILY_SPORADIC).raised(
        monday,
        sentence="Borta vid 11 tillfällen på 8 olika dagar de senaste 20 skoldagarna, "
        "oftast idrott och sista lektionen.",
        level=1,
    )
    gry_monday = Story(A, "gry", pb.FAMILY_UNEXCUSED_TODAY, group="8B").raised(
        monday, sentence="Oförklarat borta 2 lektioner, 120 minuter, måndag 23 november."
    )
    del gry_monday.episodes[-1].lessons[2:]
    _same_day(gry_monday, monday, 120)
    wrong_sporadic = Story(A, "alva", pb.FAMILY_SPORADIC).raised(
        monday,
        sentence="Borta vid 8 tillfällen på 6 olika dagar de senaste 20 skoldagarna, "
        "oftast på måndagar.",
    )
    await say(
        _warning(bo, bo.event(monday)),
        _warning(gry_monday, gry_monday.event(monday)),
        _warning(wrong_sporadic, wrong_sporadic.event(monday)),
    )

    # This morning.
    process.set_clock(at(TUESDAY, 10, 42))
    frej, hugo, dino = (
        Story(A, name, pb.FAMILY_UNEXCUSED_TODAY, group=group).raised(
            TUESDAY, sentence=f"Oförklarat borta {sentence}, tisdag 24 november."
        )
        for name, group, sentence in (
            ("frej", "7A", "1 lektion, 60 minuter"),
            ("hugo", "7A", "2 lektioner, 120 minuter"),
            ("dino", "8B", "2 lektioner, 120 minuter"),
        )
    )
    wrong = Story(A, "cilla", pb.FAMILY_UNEXCUSED_TODAY, group="8B").raised(
        TUESDAY, sentence="Oförklarat borta 1 lektion, 60 minuter, tisdag 24 november."
    )
    for story, lessons in ((frej, 1), (hugo, 2), (dino, 2), (wrong, 1)):
        del story.episodes[-1].lessons[lessons:]
        _same_day(story, TUESDAY, 60 * lessons)
    _dino = Story(A, "dino", pb.FAMILY_SPORADIC, group="8B").raised(
        monday,
        sentence="Borta vid 6 tillfällen på 5 olika dagar de senaste 20 skoldagarna.",
    )
    await say(
        *(_warning(story, story.event(TUESDAY)) for story in (frej, hugo, dino, wrong)),
        _warning(_dino, _dino.event(monday)),
    )
    alva.escalated(monday, 2)
    cilla.amended(
        "Borta vid 7 tillfällen på 6 olika dagar de senaste 20 skoldagarna, "
        "oftast första lektionen."
    )
    alva.episodes[
        -1
    ].sentence = "Frånvarande hela skoldagen 8 skoldagar i rad, 12–23 november 2026."
    _lessons(alva, [*week, date(2026, 11, 19), date(2026, 11, 20), monday], 5)
    _figures(alva, run_days=8, absence_days=12, valid=540, invalid_unexplained=1860, reported=5640)
    alva.episodes[-1].figures.window_last_day = epoch_day(monday)
    await say(
        _warning(alva, alva.event(monday)),
        _warning(wrong, wrong.withdrawn().event(TUESDAY)),
        _warning(wrong_sporadic, wrong_sporadic.withdrawn().event(monday)),
        _warning(cilla, cilla.event(monday)),
    )
    deliveries = [
        delivery(A, "frej", TUESDAY, at(TUESDAY, 9, 50), state="SENT", reason=""),
        delivery(A, "dino", TUESDAY, at(TUESDAY, 9, 41), reason="protected_pupil"),
        delivery(A, "hugo", TUESDAY, at(TUESDAY, 9, 55), reason="no_address"),
    ]
    await send(process.bootstrap, *((topics.DELIVERIES, raw[:16], raw) for raw in deliveries))
    signals = [
        school_signal(A, "wave", "class:7A", monday, first=date(2026, 11, 20)),
        school_signal(
            A,
            "cluster",
            "subject:Idrott och hälsa",
            monday,
            pupils=49,
            absent=11,
            share_permille=224,
            usual_permille=81,
        ),
        school_signal(A, "unreported", "subject:Slöjd", monday),
        school_signal(A, "wave", "unit", monday, unit="ek", pupils=212, absent=41),
        school_signal(B, "wave", "unit", monday, pupils=301, absent=77),
    ]
    await send(
        process.bootstrap,
        *((topics.SCHOOL_SIGNALS, bytes(str(n), "ascii"), raw) for n, raw in enumerate(signals)),
    )
    days = autumn()
    await send(process.bootstrap, *((topics.ABSENCE_DAYS, raw[:16], raw) for raw in days))

    async def settled() -> bool:
        return (
            await count(admin, "SELECT count(*) FROM cases.absence_days") == len(days)
            and await count(admin, "SELECT count(*) FROM cases.deliveries") == len(deliveries)
            and await count(admin, "SELECT count(*) FROM cases.school_signals") == len(signals)
            and await count(admin, "SELECT count(*) FROM cases.outbox WHERE published_at IS NULL")
            == 0
        )

    await until(settled, "the scene is told")


async def _acknowledge(process: CasesProcess, pupil: str, comment: str) -> None:
    """As Karin through the API, like any client."""
    async with httpx.AsyncClient(base_url=process.url, timeout=60) as client:
        form = await client.get("/logga-in")
        token = form.text.partition('name="form_token" value="')[2].partition('"')[0]
        await client.post(
            "/logga-in", data={"login": "karin", "password": PASSWORD, "form_token": token}
        )
        session = (await client.get("/api/v1/session")).json()
        header = {"X-CSRF-Token": session["csrf_token"]}
        page = (await client.get("/api/v1/cases")).json()
        case = next(line for line in page["cases"] if line["pupil"]["name"] == pupil)
        base = f"/api/v1/cases/{case['case_id']}"
        answer = await client.post(
            f"{base}/acknowledge", json={"version": case["version"]}, headers=header
        )
        assert answer.status_code == 200
        await client.post(f"{base}/comments", json={"text": comment}, headers=header)


def autumn() -> list[bytes]:
    """Alva's term: late on Mondays at first, then whole days."""
    found: list[bytes] = []
    day = date(2026, 8, 18)
    while day <= TUESDAY:
        lov = date(2026, 11, 2) <= day <= date(2026, 11, 6)
        if day.weekday() < 5 and not lov and (told := _autumn_day(day)) is not None:
            found.append(told)
        day += timedelta(days=1)
    return found


def _autumn_day(day: date) -> bytes | None:
    if day == TUESDAY:
        return absence_day(A, "alva", day, reported=2, unexplained=120, absent=2)
    if day >= date(2026, 11, 12):
        valid = 300 if day.day == 16 else 0
        return absence_day(A, "alva", day, valid=valid, unexplained=300 - valid, absent=5)
    if day.weekday() == 0 and day >= date(2026, 9, 14):
        return absence_day(A, "alva", day, unexplained=120, absent=2)
    if date(2026, 10, 7) <= day <= date(2026, 10, 9):
        return absence_day(A, "alva", day, valid=300, absent=5)
    if day in {date(2026, 9, 9), date(2026, 10, 22), date(2026, 11, 10)}:
        return absence_day(A, "alva", day, valid=60, absent=1)
    if day in {date(2026, 9, 30), date(2026, 10, 28)}:
        return absence_day(A, "alva", day, reported=0)
    # The stream tells only of days with absence, or with lessons that nobody reported.
    return None


def run(process: CasesProcess, admin_dsn: str) -> None:
    """Tell it all from a test that is not asynchronous, and keep a copy of how it stands."""
    in_thread(tell(process, admin_dsn))
    in_thread(_keep(admin_dsn))


#: What a morning's work changes.
_CHANGED = (
    "openings",
    "cases",
    "duties",
    "comments",
    "case_events",
    "outbox",
    "login_failures",
    "entries",
    "entry_revisions",
    "documents",
)


async def _keep(admin_dsn: str) -> None:
    admin = await asyncpg.connect(admin_dsn)
    await admin.execute("CREATE SCHEMA kept")
    for table in _CHANGED:
        await admin.execute(f"CREATE TABLE kept.{table} AS TABLE cases.{table}")
    await admin.close()


def again(admin_dsn: str) -> None:
    """Put everything back as it was told, so that no test finds what another has done."""
    in_thread(_again(admin_dsn))


async def _again(admin_dsn: str) -> None:
    admin = await asyncpg.connect(admin_dsn)
    async with admin.transaction():
        # The rows that others point at come back under the same keys.
        await admin.execute("SET LOCAL session_replication_role = replica")
        for table in _CHANGED:
            await admin.execute(f"DELETE FROM cases.{table}")
            await admin.execute(
                f"INSERT INTO cases.{table} OVERRIDING SYSTEM VALUE TABLE kept.{table}"
            )
    await admin.close()
