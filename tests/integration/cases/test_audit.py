"""The audit log: append-only, chained, and whatever is done to it shows, at the first row of it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import asyncpg
import pytest
from typer.testing import CliRunner

from services.cases import cli
from services.cases.store import audit
from tests.integration.cases.world import A, B, World, made

pytestmark = pytest.mark.anyio

ROWS = 12
_SWAP = (
    "UPDATE cases.audit SET seq = CASE seq WHEN 5 THEN 106 ELSE 105 END WHERE seq IN (5, 6); "
    "UPDATE cases.audit SET seq = seq - 100 WHERE seq > 100"
)
_REPEAT = (
    "INSERT INTO cases.audit SELECT organiser_id, seq + 1, at, staff_id, action, case_id, "
    f"detail, detail_digest, hash FROM cases.audit WHERE seq = {ROWS}"
)


async def written(world: World, rows: int = ROWS) -> None:
    for organiser in (A, B):
        viewer = organiser.viewer("karin")
        for number in range(rows):
            world.clock.advance(timedelta(seconds=1, microseconds=number))
            async with world.database.person(viewer) as connection:
                await audit.write(
                    connection, organiser.id, world.database.now(), viewer.staff_id,
                    "case.läst", case_id=made("case", number), number=f"Ärende {number}",
                )  # fmt: skip


async def found(world: World, noted: tuple[int, bytes] | None = None) -> audit.Verdict:
    async with world.database.system(A.id) as connection:
        return await audit.examine(connection, A.id, noted)


async def problem(world: World) -> str:
    [one] = (await found(world)).problems
    return one


async def test_what_is_written_holds_and_each_organiser_has_its_own_chain(world: World) -> None:
    await written(world)
    verdict = await found(world)
    assert (verdict.rows, verdict.problems) == (ROWS, ())
    numbers = await world.admin.fetch("SELECT seq FROM cases.audit WHERE organiser_id = $1", B.id)
    assert sorted(row["seq"] for row in numbers) == list(range(1, ROWS + 1))
    # The hash that PostgreSQL wrote is the one that is recomputed here.
    row = await world.admin.fetchrow(
        "SELECT * FROM cases.audit WHERE organiser_id = $1 AND seq = 1", A.id
    )
    assert row is not None
    assert row["hash"] == audit.link(
        bytes(32), 1, at=row["at"], staff_id=row["staff_id"], action=row["action"],
        case_id=row["case_id"], detail_digest=audit.digest({"number": "Ärende 0"}),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("tampering", "said"),
    [
        ("UPDATE cases.audit SET detail = '{\"number\": \"x\"}' WHERE seq = 5", "row 5: the det"),
        ("UPDATE cases.audit SET action = 'case.read' WHERE seq = 5", "row 5: the hash"),
        ("UPDATE cases.audit SET at = at + interval '1 ms' WHERE seq = 5", "row 5: the hash"),
        ("UPDATE cases.audit SET case_id = NULL WHERE seq = 5", "row 5: the hash"),
        ("UPDATE cases.audit SET staff_id = NULL WHERE seq = 5", "row 5: the hash"),
        ("UPDATE cases.audit SET hash = sha256(hash) WHERE seq = 5", "row 5: the hash"),
        ("UPDATE cases.audit SET detail_digest = sha256('x'), detail = NULL WHERE seq = 5",
         "row 5: the hash"),
        ("DELETE FROM cases.audit WHERE seq = 5", "row 5 is missing"),
        ("DELETE FROM cases.audit WHERE seq BETWEEN 5 AND 7", "row 5 is missing, up to row 7"),
        ("DELETE FROM cases.audit WHERE seq = 1", "row 1 is missing"),
        # Reordered: two rows change places.
        (_SWAP, "row 5: the hash"),
        # The tail, which no later row holds on to.
        (f"DELETE FROM cases.audit WHERE seq = {ROWS}", f"ends at row 11, its head says {ROWS}"),
        ("DELETE FROM cases.audit", f"ends at row 0, its head says {ROWS}"),
        ("DELETE FROM cases.audit_heads", f"has {ROWS} rows and no head"),
        (_REPEAT, "row 13: the hash"),
    ],
)  # fmt: skip
async def test_whatever_is_done_to_the_log_shows_at_its_first_row(
    world: World, tampering: str, said: str
) -> None:
    await written(world)
    await world.admin.execute(tampering)
    assert said in await problem(world)


async def test_a_log_that_was_written_anew_shows_beside_a_noted_head(world: World) -> None:
    """Whoever owns the database can write a chain that holds; not one that ends as noted."""
    await written(world)
    before = await found(world)
    noted = (before.rows, before.head)
    await world.admin.execute("DELETE FROM cases.audit; DELETE FROM cases.audit_heads")
    await written(world)
    assert (await found(world)).problems == ()
    [one] = (await found(world, noted)).problems
    assert one == f"row {ROWS}: the hash is not the one that was noted"
    await world.admin.execute("DELETE FROM cases.audit; DELETE FROM cases.audit_heads")
    [one] = (await found(world, noted)).problems
    assert one == f"the log ends at row 0, row {ROWS} was noted"
    await written(world)
    again = await found(world)
    assert (await found(world, (again.rows, again.head))).problems == ()


async def test_details_may_be_erased_and_the_chain_holds(world: World) -> None:
    await written(world)
    await world.admin.execute("UPDATE cases.audit SET detail = NULL")
    assert (await found(world)).problems == ()


async def test_many_writers_at_once_make_one_chain(world: World) -> None:
    async def write(number: int) -> None:
        viewer = A.viewer("karin")
        async with world.database.person(viewer) as connection:
            await audit.write(
                connection, A.id, world.database.now(), viewer.staff_id, "case.read", number=number
            )
            if number % 7 == 0:
                raise LookupError  # its page failed: its row goes, and leaves no hole

    results = await asyncio.gather(*(write(n) for n in range(60)), return_exceptions=True)
    failed = sum(isinstance(result, LookupError) for result in results)
    verdict = await found(world)
    assert (verdict.rows, verdict.problems) == (60 - failed, ())
    assert failed == 9


async def test_nobody_but_the_archive_changes_a_row_and_it_only_empties(world: World) -> None:
    await written(world)
    for statement in (
        "UPDATE cases.audit SET detail = NULL",
        "DELETE FROM cases.audit",
        "TRUNCATE cases.audit",
    ):
        for scope in (world.database.system(A.id), world.database.person(A.viewer("rolf"))):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with scope as connection:
                    await connection.execute(statement)
    async with world.database.person(A.viewer("rolf")) as connection:
        assert await connection.fetchval("SELECT count(*) FROM cases.audit") == 0


async def test_the_command_names_the_row_and_takes_what_was_noted(
    world: World, dsns: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORVARNING_ENVIRONMENT", "local")
    monkeypatch.setenv("FORVARNING_CASES_DATABASE_URL", dsns[1])
    monkeypatch.setenv("FORVARNING_CASES_OPS_TOKEN", "ops")
    await written(world)

    def ask(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(cli.audit_app, ["verify", *arguments])
        return done.exit_code, done.output

    code, text = await asyncio.to_thread(ask)
    assert (code, text.count("the chain holds")) == (0, 2)
    noted = next(line.split()[0] for line in text.splitlines() if line.startswith(str(A.id)))
    assert await asyncio.to_thread(ask, "--noted", noted) == (0, text)
    code, _ = await asyncio.to_thread(ask, "--noted", "nonsense")
    assert code == 2
    await world.admin.execute(
        "UPDATE cases.audit SET action = 'x' WHERE seq = 3 AND organiser_id = $1", A.id
    )
    code, text = await asyncio.to_thread(ask, "--noted", noted)
    assert code == 1
    assert f"{A.id}:2:" in text
    assert "row 3: the hash does not fit" in text
    assert text.count("the chain holds") == 1
