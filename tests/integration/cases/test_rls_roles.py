"""Row-level security, role by role: every table of the schema, a new one included, without a line
of the program in between."""

from __future__ import annotations

import re
from uuid import UUID

import asyncpg
import pytest

from tests.integration.cases.cast import LOGINS, Target, gather
from tests.integration.cases.test_rls import tables
from tests.integration.cases.world import A, B, World

pytestmark = pytest.mark.anyio
#: The cases whose rows a role may see at all; of the protected one that it exists.
SEES = {
    "mentor": {"own", "protected"},
    "attendance_officer": {"own", "protected"},
    "holder": {"own", "protected"},
    "principal": {"own", "protected"},
    "student_health": {"own", "protected"},
    "coordinator": {"own", "protected"},
    "team_leader": {"own", "protected"},
    "area_manager": set[str](),
    "organiser_officer": {"own", "area", "protected"},
    "compulsory_officer": {"own", "area", "protected"},
    "board": set[str](),
    "operations": set[str](),
}
NAMED = {"holder", "principal"}
#: Whose rows a role may change, by the database alone.
DECIDES = {"attendance_officer", "holder", "principal"}
#: What is about nobody: settings of the organiser, and the end of its audit log's chain, which
#: whoever does anything writes on.
ABOUT_NOBODY = {"organiser_settings", "audit_heads"}
#: What is told of a protected pupil to who may know the number only.
NUMBERS = {"cases", "duties", "warnings", "episodes", "deliveries", "case_shares", "openings"}
#: A list of its own: whom openings are told to is asserted in test_openings.py.
TOLD = {"openings"}


@pytest.fixture
async def targets(world: World) -> dict[str, Target]:
    return await gather(world)


async def columns(admin: asyncpg.Connection[asyncpg.Record]) -> dict[str, set[str]]:
    rows = await admin.fetch(
        "SELECT table_name, column_name FROM information_schema.columns "
        "WHERE table_schema = 'cases'"
    )
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row["table_name"], set()).add(row["column_name"])
    return found


async def ids(world: World, login: str, table: str, column: str) -> set[UUID] | None:
    """What the person sees of a column; None where the table is not for the service's role."""
    async with world.database.person(A.viewer(login)) as connection:
        try:
            rows = await connection.fetch(
                f"SELECT DISTINCT {column} AS id FROM cases.{table} WHERE {column} IS NOT NULL"
            )
        except asyncpg.InsufficientPrivilegeError:
            return None  # a partition: reached through its parent only
    return {row["id"] for row in rows}


@pytest.mark.parametrize("role", LOGINS)
async def test_every_table_shows_a_role_its_own_cases_and_no_more(
    world: World, targets: dict[str, Target], role: str
) -> None:
    held = await columns(world.admin)
    login, looked = LOGINS[role], 0
    for table in await tables(world.admin):
        name = table["name"]
        if not table["tenant"] or name in TOLD:
            continue
        others = await ids(world, login, name, "organiser_id")
        if others is None:
            continue
        assert B.id not in others, name
        seen = SEES[role]
        if role not in NAMED and name not in NUMBERS:
            seen = seen - {"protected"}
        for column, allowed in (
            ("case_id", {targets[one].case_id for one in seen}),
            ("pupil_id", {targets[one].pupil_id for one in seen}),
        ):
            if column in held[name]:
                found = await ids(world, login, name, column)
                assert found is not None
                assert found <= allowed, (name, column)
                looked += 1
        if not SEES[role] and name not in ABOUT_NOBODY:
            assert others == set(), name
    assert looked >= 12


@pytest.mark.parametrize("role", LOGINS)
async def test_the_own_cases_are_there(world: World, targets: dict[str, Target], role: str) -> None:
    """So the test above does not pass because nothing is seen."""
    found = await ids(world, LOGINS[role], "cases", "case_id")
    assert found == {targets[one].case_id for one in SEES[role]}


@pytest.mark.parametrize("role", LOGINS)
async def test_no_table_lets_a_role_change_or_remove_what_is_not_its_own(
    world: World, targets: dict[str, Target], role: str
) -> None:
    held = await columns(world.admin)
    may = {"own", "protected"} if role in DECIDES else set[str]()
    allowed = {targets[one].case_id for one in may}
    for table in await tables(world.admin):
        name = table["name"]
        statements = [f"DELETE FROM cases.{name}"]
        if "version" in held[name]:
            statements.append(f"UPDATE cases.{name} SET version = version")
        for statement in statements:
            returning = " RETURNING case_id" if "case_id" in held[name] else " RETURNING 1"
            try:
                async with world.database.person(A.viewer(LOGINS[role])) as connection:
                    rows = await connection.fetch(statement + returning)
            except asyncpg.InsufficientPrivilegeError:
                continue
            if name == "entries":
                # Who reads an entry may write it anew; which ones the law's table decides.
                seen = SEES[role] if role in NAMED else SEES[role] - {"protected"}
                assert {row[0] for row in rows} <= {targets[one].case_id for one in seen}
            elif "case_id" in held[name]:
                assert {row[0] for row in rows if row[0]} <= allowed, statement
            else:
                assert rows == [], statement


async def test_every_function_of_the_owner_keeps_to_the_organiser(world: World) -> None:
    """SECURITY DEFINER reads past the viewer's policies: each has a fixed search path, is for the
    service's role only, and the owner's own policies name the organiser (but for the questions
    that are asked before there is one)."""
    rows = await world.admin.fetch(
        """
        SELECT p.proname AS name, p.proconfig AS config,
               has_function_privilege('public', p.oid, 'EXECUTE') AS public
        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname = 'cases' AND p.prosecdef
        """
    )
    assert len(rows) >= 10
    for row in rows:
        assert "search_path=pg_catalog" in (row["config"] or []), row["name"]
        assert row["public"] is False, row["name"]
    open_to_owner = await world.admin.fetch(
        "SELECT tablename FROM pg_policies WHERE schemaname = 'cases' AND qual = 'true' "
        "AND roles = '{forvarning_owner}'"
    )
    assert {row["tablename"] for row in open_to_owner} <= {"outbox", "accounts", "documents"}


#: These are asked of a row, and say so by what they are given.
OF_A_ROW = {"may_read_entry", "roles_on", "opening_facts"}


async def test_scope_is_worked_out_once_a_statement_and_not_once_a_row(world: World) -> None:
    """A function of a policy stands in a sub-select of its own, which PostgreSQL runs once."""
    rows = await world.admin.fetch(
        "SELECT schemaname || '.' || tablename || ', ' || policyname AS place, "
        "coalesce(qual, '') || ' ' || coalesce(with_check, '') AS condition FROM pg_policies "
        "WHERE schemaname IN ('cases', 'people') AND roles @> '{forvarning_cases}'"
    )
    assert len(rows) >= 40
    for row in rows:
        for found in re.finditer(r"(.{0,7})cases\.(\w+)\(", row["condition"]):
            before, name = found.groups()
            assert before.endswith("SELECT ") or name in OF_A_ROW, f"{row['place']}: {name}"
