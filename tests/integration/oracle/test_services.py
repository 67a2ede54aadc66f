"""The oracle against the real case service and the real notify, and against ones that err."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from rich.console import Console
from typer.testing import CliRunner

from deploy.local.console import Screen
from deploy.local.kafka import QUICK_JVM
from deploy.local.options import Addresses, StackOptions
from deploy.local.plan import standard_plan
from deploy.local.postgres import UNSAFE_FAST
from deploy.local.service import ServiceSpec
from deploy.local.stack import DATABASE, LocalStack
from services.common.clock import local_instant, write_clock_file
from services.common.settings import OracleSettings
from services.ews.oracle.cli import app
from services.ews.oracle.findings import Report
from services.ews.oracle.run import Oracle
from tests.integration.oracle.municipality import PUPILS, Municipality, school_days
from tests.integration.oracle.test_stream import publish_profile, write
from tests.support_ews.harness import Stream

TODAY = date(2026, 11, 24)
PROTECTED = (0, 5)


def _without_ingest(at: Addresses) -> Iterator[ServiceSpec]:
    return (spec for spec in standard_plan()(at) if spec.name != "ingest")


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[LocalStack]:
    """Servers and services as the launcher runs them, at nine o'clock on a standing clock."""
    options = StackOptions(
        data=tmp_path / "stack",
        clock=local_instant(TODAY, 9 * 60),
        clock_rate=0.0,
        partitions=4,
        kafka_jvm=QUICK_JVM,
        postgres_settings=UNSAFE_FAST,
    )
    stack = LocalStack(options, _without_ingest, Screen(Console(quiet=True)))
    stack.start()
    try:
        yield stack
    finally:
        stack.stop()


class Whole:
    """The stack with the municipality in it, and the oracle's view of it."""

    def __init__(self, stack: LocalStack, seed: int, folder: Path) -> None:
        self.stack = stack
        self.municipality = Municipality(seed)
        values = stack.addresses.values
        self.kafka = Stream(values["kafka_bootstrap"], folder, prefix="", core="real")
        names = (name for name in OracleSettings.model_fields if name in values)
        self.settings = OracleSettings.model_validate(
            {name: values[name] for name in names}
            | {
                "oracle_cases_url": self.url("cases"),
                "oracle_notify_url": self.url("notify"),
            }
        )

    def url(self, service: str) -> str:
        return f"http://127.0.0.1:{self.stack.services[service].spec.port}"

    def at(self, hour: int, minute: int, day: date = TODAY) -> None:
        file = Path(self.stack.addresses.values["clock_file"])
        write_clock_file(file, local_instant(day, hour * 60 + minute), 0.0)

    async def admin(self) -> asyncpg.Connection[asyncpg.Record]:
        assert self.stack.postgres is not None
        return await asyncpg.connect(self.stack.postgres.dsn(DATABASE))

    async def people(self) -> None:
        """Organiser, units, pupils, one guardian each, one officer."""
        m, admin = self.municipality, await self.admin()
        organiser = m.organiser
        await admin.execute(
            "INSERT INTO people.organisers (organiser_id, name, kind, phone) "
            "VALUES ($1, 'Testköpings kommun', 'municipal', '010-000 00 00')",
            organiser,
        )
        staff = uuid4()
        await admin.execute(
            "INSERT INTO people.staff (organiser_id, staff_id, given_name, family_name, email) "
            "VALUES ($1, $2, 'Påhittad', 'Lärarsson', 'karin@example.org')",
            organiser,
            staff,
        )
        for partition in range(m.partitions):
            await admin.execute(
                "INSERT INTO people.school_units (organiser_id, school_unit_id, name) "
                "VALUES ($1, $2, 'Påhittad skola')",
                organiser,
                m.unit(partition),
            )
            await admin.execute(
                "INSERT INTO people.duties (organiser_id, duty_id, staff_id, role, "
                "school_unit_id, valid_from) VALUES ($1, $2, $3, 'attendance_officer', $4, $5)",
                organiser,
                uuid4(),
                staff,
                m.unit(partition),
                date(2026, 8, 1),
            )
            for number in range(PUPILS):
                await self._pupil(admin, organiser, m.pupil(partition, number), partition, number)
        await admin.close()

    async def _pupil(
        self, admin: Any, organiser: UUID, pupil: UUID, partition: int, number: int
    ) -> None:
        protection = "confidential" if (partition, number) == PROTECTED else "none"
        await admin.execute(
            "INSERT INTO people.pupils (organiser_id, pupil_id, given_name, family_name, "
            "birth_date, sex, protection) VALUES ($1, $2, 'P', 'E', '2013-04-05', 'unknown', $3)",
            organiser,
            pupil,
            protection,
        )
        guardian = uuid4()
        await admin.execute(
            "INSERT INTO people.guardians VALUES ($1, $2, 'P', 'V', $3, NULL)",
            organiser,
            guardian,
            f"hem-{partition}-{number}@example.org",
        )
        await admin.execute(
            "INSERT INTO people.guardian_relations VALUES ($1, $2, $3, 'guardian')",
            organiser,
            pupil,
            guardian,
        )

    async def oracle(self, *, wait: float = 0) -> Report:
        settings = self.settings.model_copy(update={"oracle_wait_seconds": wait})
        return await Oracle(settings).run()

    async def notices(self) -> list[dict[str, Any]]:
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(
                f"{self.url('notify')}/internal/v1/deliveries",
                params={"organiser": str(self.municipality.organiser)},
                headers={
                    "authorization": f"Bearer {self.stack.addresses.values['notify_ops_token']}"
                },
            )
        found: list[dict[str, Any]] = answer.json()["obligations"]
        return found


def found(report: Report) -> set[tuple[str, str]]:
    return {(finding.kind.value, finding.store.value) for finding in report.findings}


def test_topic_cases_and_notify_agree_with_the_log_and_errors_in_each_are_found(
    stack: LocalStack, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Whole(stack, seed, tmp_path)
    m = whole.municipality

    async def scenario() -> None:
        await whole.people()
        await publish_profile(whole.kafka)
        *history, _ = school_days(40, TODAY)
        await write(
            whole.kafka,
            chain(
                m.start(frozenset({PROTECTED})),
                chain.from_iterable(m.day(day) for day in history),
            ),
        )
        await whole.kafka.caught_up(90)
        report = await whole.oracle(wait=60)
        assert report.well, "\n".join(map(str, report.findings[:10]))
        # The history wakes nobody, and nobody is owed anything for it.
        assert report.scope.obligations == 0
        assert stack.services["notify"].child.running

        await write(whole.kafka, m.day(TODAY, close=False))
        await whole.kafka.caught_up(60)
        await settle(whole)
        whole.at(9, 30)
        await until_no_obligation_waits(whole)
        report = await whole.oracle(wait=60)
        assert report.well, "\n".join(map(str, report.findings[:10]))
        assert report.scope.obligations >= 4
        assert report.scope.deliveries >= report.scope.obligations
        await errors_are_found(whole)

    asyncio.run(scenario())
    command_line(whole, monkeypatch)


async def settle(whole: Whole) -> None:
    """Wait until notify has today's obligations."""
    deadline = time.monotonic() + 60
    while not await whole.notices():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.2)


async def until_no_obligation_waits(whole: Whole) -> None:
    deadline = time.monotonic() + 60
    while any(one["state"] == "waiting" for one in await whole.notices()):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.2)


async def errors_are_found(whole: Whole) -> None:
    """Each store is made to lie, one lie at a time."""
    admin = await whole.admin()

    async def lies(statement: str) -> set[tuple[str, str]]:
        transaction = admin.transaction()
        await transaction.start()
        changed = await admin.execute(statement)
        assert changed.split()[-1] != "0", statement
        await transaction.commit()
        return found(await whole.oracle())

    one_warning = "(SELECT thread_id FROM cases.warnings ORDER BY thread_id LIMIT 1)"
    assert await lies(
        f"UPDATE cases.warnings SET revision = revision + 1 WHERE thread_id = {one_warning}"
    ) == {("differing", "cases")}
    await admin.execute(
        f"UPDATE cases.warnings SET revision = revision - 1 WHERE thread_id = {one_warning}"
    )
    sent = (
        "(SELECT message_id FROM notify.messages WHERE kind = 'same_day' AND state = 'sent' "
        "ORDER BY message_id LIMIT 1)"
    )
    assert await lies(
        f"UPDATE notify.messages SET state = 'queued', due_at = '9999-01-01' "
        f"WHERE message_id = {sent}"
    ) == {("illegal", "notify")}
    await admin.execute("UPDATE notify.messages SET state = 'sent' WHERE state = 'queued'")
    assert await lies(
        "INSERT INTO notify.messages SELECT organiser_id, gen_random_uuid(), kind, channel, "
        "recipient_kind, recipient_id, school_date, case_id, case_number, event_type, "
        "occurred_at, state, due_at, give_up_at, attempts, leased_until, sent_at "
        f"FROM notify.messages WHERE message_id = {sent}"
    ) == {("illegal", "notify")}
    await admin.execute(
        "DELETE FROM notify.messages m WHERE kind = 'same_day' AND NOT EXISTS "
        "(SELECT 1 FROM notify.deliveries d WHERE d.message_id = m.message_id)"
    )
    protected = whole.municipality.pupil(*PROTECTED)
    assert await lies(
        f"UPDATE notify.deliveries SET pupil_id = '{protected}' WHERE message_id = {sent}"
    ) == {("illegal", "notify")}
    arranged = (
        "(SELECT obligation_id FROM notify.obligations WHERE state = 'arranged' "
        "ORDER BY obligation_id DESC LIMIT 1)"
    )
    assert ("differing", "notify") in await lies(
        f"UPDATE notify.obligations SET excused = true WHERE obligation_id = {arranged}"
    )
    assert ("extra", "notify") in await lies(
        "UPDATE notify.obligations SET excused = false, school_date = school_date - 100 "
        f"WHERE obligation_id = {arranged}"
    )
    assert ("missing", "notify") in await lies(
        f"DELETE FROM notify.obligations WHERE obligation_id = {arranged}"
    )
    await admin.close()


def command_line(whole: Whole, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an operator sees: ids and counts, and an exit status."""
    for name in OracleSettings.model_fields:
        value = getattr(whole.settings, name)
        if value is not None and name in whole.stack.addresses.values:
            monkeypatch.setenv(f"FORVARNING_{name.upper()}", whole.stack.addresses.values[name])
    arguments = ["--cases", whole.url("cases"), "--notify", whole.url("notify")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1, result.output
    assert "illegal: notify" in result.output
    assert "missing " in result.output.splitlines()[-1]
    for name in ("Påhittad", "example.org", "Testköping"):
        assert name not in result.output
    alone = CliRunner().invoke(app, [])
    assert alone.exit_code == 0, alone.output
    assert "The case service was not asked" in alone.output
    wrong = CliRunner().invoke(app, ["--cases", "http://127.0.0.1:9"])
    assert wrong.exit_code == 2
