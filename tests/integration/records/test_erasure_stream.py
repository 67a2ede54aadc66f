"""A pupil goes through the whole stack, real processes on a real broker and database, and is
erased: afterwards every table, every topic from its beginning, and every log is searched."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from pydantic import SecretStr
from rich.console import Console

from deploy.local.console import Screen
from deploy.local.kafka import QUICK_JVM
from deploy.local.options import StackOptions
from deploy.local.plan import standard_plan
from deploy.local.postgres import UNSAFE_FAST
from deploy.local.stack import DATABASE, LocalStack
from services.cases.actions import CaseActions
from services.cases.store.scope import Database, Viewer
from services.common import pg, topics
from services.common.clock import FixedClock, local_instant, write_clock_file
from services.records.archive import archive
from services.records.erasure import Erasure
from tests.integration.ingest.world import pupil, read_topic, register, roster
from tests.integration.records.search import tables_with

TODAY = date(2026, 11, 24)
SOURCE_ID, CIVIC = "elev-unik-4711", "201304059991"
NAMING = (
    SOURCE_ID, CIVIC, "20130405-9991", "Alvaunik", "Exempelssonunik", "alva.unik@example.org",
    "0709990001", "Verasunik", "vera.unik@example.org", "g-unik-12", "Ett ord om Alvaunik",
)  # fmt: skip
_SECONDS = 180.0


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[LocalStack]:
    options = StackOptions(
        data=tmp_path / "stack",
        clock=local_instant(TODAY, 15 * 60),
        clock_rate=0.0,
        partitions=4,
        kafka_jvm=QUICK_JVM,
        postgres_settings=UNSAFE_FAST,
    )
    stack = LocalStack(options, standard_plan(), Screen(Console(quiet=True)))
    stack.start()
    try:
        yield stack
    finally:
        stack.stop()


def days_before(last: date, count: int) -> list[date]:
    found: list[date] = []
    while len(found) < count:
        if last.weekday() < 5:
            found.append(last)
        last -= timedelta(days=1)
    return found[::-1]


def people() -> dict[str, Any]:
    """The pupil and eleven others of the class."""
    alva = pupil(
        SOURCE_ID, given_name="Alvaunik", family_name="Exempelssonunik", civic_no=CIVIC,
        email="alva.unik@example.org", phone="0709990001",
        guardians=[{"person": "g-unik-12", "relation": "guardian"}],
    )  # fmt: skip
    body = roster([f"p{number}" for number in range(11)])
    body["pupils"].append(alva)
    body["guardians"].append({
        "id": "g-unik-12", "given_name": "Verasunik", "family_name": "Exempelssonunik",
        "email": "vera.unik@example.org", "phone": "0709990001",
    })  # fmt: skip
    return body


def lessons() -> list[dict[str, Any]]:
    """Six whole days away, and unexcused today."""
    return [
        register(
            id=f"r-{day}-{hour}",
            activity=f"a-{hour}",
            start=f"{day}T{hour:02}:10:00+01:00",
            modified=f"{day}T{hour:02}:20:00+01:00",
            marks=[{"pupil": SOURCE_ID, "invalid": 60}, *({"pupil": f"p{n}"} for n in range(11))],
        )
        for day in days_before(TODAY, 6)
        for hour in (8, 10, 13)
    ]


async def until(what: Callable[[], Awaitable[object]], why: str) -> None:
    deadline = time.monotonic() + _SECONDS
    while not await what():
        assert time.monotonic() < deadline, why
        await asyncio.sleep(0.3)


async def sent(stack: LocalStack) -> UUID:
    """Roster and registers through ingest; the organiser's id."""
    url = f"http://127.0.0.1:{stack.services['ingest'].spec.port}"
    ops = {"Authorization": f"Bearer {stack.addresses.values['ingest_ops_token']}"}
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as client:
        made = await client.post(
            "/v1/sources",
            json={"name": "sis", "organiser_name": "Testköpings kommun"},
            headers=ops,
        )
        assert made.status_code == 201, made.text
        own = {"Authorization": f"Bearer {made.json()['token']}"}
        for _ in range(30):
            answer = await client.put("/v1/roster", json=people(), headers=own)
            if answer.status_code != 503:
                break
            await asyncio.sleep(0.5)
        assert answer.status_code == 200, answer.text
        answer = await client.post("/v1/registers", json={"registers": lessons()}, headers=own)
        assert answer.status_code == 202, answer.text
        assert {one["status"] for one in answer.json()["items"]} == {"accepted"}, answer.text
    return UUID(made.json()["organiser_id"])


async def lived(stack: LocalStack, admin: Any, organiser: UUID) -> UUID:
    """Until the pupil has a case, a mail has gone home, and somebody has written of it."""
    alva: UUID = await admin.fetchval(
        "SELECT pupil_id FROM people.pupils WHERE given_name = 'Alvaunik'"
    )

    def count(table: str, where: str = "true") -> Callable[[], Awaitable[object]]:
        sql = f"SELECT count(*) FROM {table} WHERE pupil_id = $1 AND {where}"
        return lambda: admin.fetchval(sql, alva)

    await until(count("cases.cases"), "no case was opened")
    await until(count("notify.obligations"), "nobody is to be told")
    clock = Path(stack.addresses.values["clock_file"])
    write_clock_file(clock, local_instant(TODAY, 15 * 60 + 40), 0.0)
    await until(count("notify.deliveries", "state = 'sent'"), "no mail went home")
    await until(count("cases.deliveries"), "the case service was not told")
    write_clock_file(clock, local_instant(TODAY, 18 * 60 + 30), 0.0)
    await until(count("cases.absence_days"), "no day was told")
    pool = await pg.connect(SecretStr(stack.addresses.values["cases_database_url"]), service="t")
    database = Database(pool, FixedClock(local_instant(TODAY, 18 * 60 + 31)))
    case = await admin.fetchrow("SELECT * FROM cases.cases WHERE pupil_id = $1", alva)
    viewer = Viewer(organiser, case["assigned_staff_id"])
    await CaseActions(database).comment(viewer, case["case_id"], "Ett ord om Alvaunik")
    await pool.close()
    return alva


async def newest(bootstrap: str, topic: topics.Topic) -> dict[bytes | None, bytes]:
    """What a compacted topic holds once it has been compacted."""
    found: dict[bytes | None, bytes] = {}
    for record in await read_topic(bootstrap, topic.name):
        if record.value is None:
            found.pop(record.key, None)
        else:
            found[record.key] = record.value
    return found


COMPACTED = (topics.ROSTER, topics.WARNINGS, topics.ABSENCE_DAYS)


def test_an_erased_pupil_is_in_no_store_of_the_whole_stack(stack: LocalStack) -> None:
    asyncio.run(_scenario(stack))


async def _scenario(stack: LocalStack) -> None:
    assert stack.postgres is not None
    admin = await asyncpg.connect(stack.postgres.dsn(DATABASE))
    bootstrap = stack.addresses.values["kafka_bootstrap"]
    organiser = await sent(stack)
    alva = await lived(stack, admin, organiser)
    before = await tables_with(admin, NAMING)
    assert {CIVIC, "Alvaunik", "vera.unik@example.org", "Ett ord om Alvaunik"} <= set(before)

    async def holds(topic: topics.Topic) -> bool:
        held = await newest(bootstrap, topic)
        return any(alva.bytes in (key or b"") + value or str(alva).encode() in (key or b"")
                   for key, value in held.items())  # fmt: skip

    for topic in COMPACTED:
        assert await holds(topic), topic.name

    clock = FixedClock(local_instant(TODAY, 19 * 60))
    url = SecretStr(stack.postgres.dsn(DATABASE))
    async with archive(url, clock) as keeper:
        certificate = await Erasure(keeper).erase(organiser, alva, reference="TN 7", by="Drift")
    assert {"people.pupils", "cases.cases", "notify.deliveries"} <= certificate.content[
        "erased"
    ].keys()

    async def settled() -> bool:
        waits = await admin.fetchval("SELECT count(*) FROM ingest.outbox")
        return waits == 0 and not any([await holds(topic) for topic in COMPACTED])

    await until(settled, "the stream still holds the pupil")
    # What was on its way to the case service has come by now, too.
    await asyncio.sleep(2)
    await _nowhere(stack, admin, bootstrap, alva, certificate.content["remains"])
    await admin.close()


async def _nowhere(
    stack: LocalStack, admin: Any, bootstrap: str, alva: UUID, remains: list[dict[str, str]]
) -> None:
    assert await tables_with(admin, NAMING) == {}
    may = {one["store"] for one in remains}
    left = await tables_with(admin, [alva.bytes, str(alva)])
    assert set().union(*left.values()) <= may, left
    needles = [one.encode() for one in NAMING]
    for topic in topics.ALL:
        for record in await read_topic(bootstrap, topic.name):
            held = b"|".join([record.key or b"", record.value or b"",
                              *(value for _, value in record.headers)])  # fmt: skip
            assert not [one for one in needles if one in held], topic.name
        if topic in COMPACTED:
            continue
        if topic.name not in may:
            raw = b"".join(
                (one.key or b"") + (one.value or b"")
                for one in await read_topic(bootstrap, topic.name)
            )
            assert alva.bytes not in raw, topic.name
    # Logs and whatever else the stack keeps in files. The mail has left the building (what takes it
    # stands for another's server), the database's own files and the broker's are the tables and
    # topics above.
    mine = stack.options.data
    apart = {mine / "postgres", mine / "kafka", mine / "mail", mine / "logs/mail.log"}
    files = [
        file
        for file in mine.rglob("*")
        if file.is_file() and not any(file.is_relative_to(folder) for folder in apart)
    ]
    logs = [file for file in files if file.suffix == ".log"]
    assert len(logs) >= 5, files
    for file in files:
        content = file.read_bytes()
        assert not [one for one in needles if one in content], file
