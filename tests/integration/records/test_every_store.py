"""Nothing is kept that the registry does not know of."""

from __future__ import annotations

import pytest

from services.common import topics
from services.common.retention import Cutoff, registry
from services.records.archive import Archive
from services.records.order import erasing
from tests.integration.cases.world import A, World

pytestmark = pytest.mark.anyio

#: Columns that hold a pupil's id, or what the sources or people call one.
_ABOUT_PUPILS = {
    "pupil_id", "pupil", "student", "civic_no", "said_pupils", "guardian_id", "external_id",
}  # fmt: skip


async def test_every_table_of_every_schema_has_a_row(world: World) -> None:
    rows = await world.admin.fetch(
        """
        SELECT n.nspname || '.' || c.relname AS name
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'm', 'f') AND NOT c.relispartition
          AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
          AND n.nspname NOT LIKE 'pg_temp%' AND n.nspname NOT LIKE 'pg_toast_temp%'
        """
    )
    found = {row["name"] for row in rows}
    known = {store.store for store in registry().tables()}
    assert len(found) > 70
    assert sorted(found - known) == [], "services/common/retention.toml has no row for these"
    assert sorted(known - found) == [], "services/common/retention.toml has rows for no table"


def test_every_topic_has_a_row() -> None:
    known = {
        store.store for store in registry().stores.values() if store.kind in {"topic", "changelog"}
    }
    # Kafka's own two are no topics of the registry.
    internal = {name for name in known if name.startswith("__")}
    assert {topic.name for topic in topics.ALL} == known - internal


async def test_a_column_about_pupils_is_found_by_its_tables_row(world: World) -> None:
    """Whoever adds such a column says how a pupil's rows are found."""
    rows = await world.admin.fetch(
        """
        SELECT DISTINCT n.nspname || '.' || c.relname AS name
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND NOT a.attisdropped
          AND n.nspname IN ('people', 'ingest', 'cases', 'notify', 'records')
          AND a.attname = ANY ($1::text[])
        """,
        sorted(_ABOUT_PUPILS),
    )
    assert len(rows) > 15
    without = [
        row["name"]
        for row in rows
        # The registry's own table has a column of that name.
        if not registry().stores[row["name"]].pupil and row["name"] != "records.retention"
    ]
    assert without == []


async def test_every_way_to_find_a_pupil_and_what_is_due_is_sql_that_runs(
    world: World, keeper: Archive
) -> None:
    known = registry()
    cutoffs = {name: Cutoff.of(world.database.today(), 60) for name in known.groups}
    async with keeper.organiser(A.id) as connection:
        for store in known.tables():
            if store.store == "migrations.applied":
                continue  # none of the services', and none of the archive's
            for condition in (store.pupil, store.erase):
                if condition:
                    sql = f"SELECT count(*) FROM {store.store} t WHERE ({condition})"
                    await connection.fetchval(sql, A.pupil("alva"))
            due = known.due(store, cutoffs)
            await connection.fetchval(f"SELECT count(*) FROM {store.store} t WHERE {due}")
            # What cannot be seen cannot be erased either.
            await connection.fetchval(f"SELECT count(*) FROM {store.store}")


async def test_parents_come_after_their_children(world: World, keeper: Archive) -> None:
    async with keeper.organiser(A.id) as connection:
        order = [store.store for store in await erasing(connection, registry())]
    for child, parent in (
        ("cases.case_events", "cases.cases"),
        ("cases.episodes", "cases.warnings"),
        ("cases.warnings", "cases.cases"),
        ("people.civic_numbers", "people.pupils"),
        ("ingest.pupil_homes", "people.pupils"),
        ("people.guardian_relations", "people.guardians"),
        ("people.guardians", "people.external_ids"),
    ):
        assert order.index(child) < order.index(parent), (child, parent)


async def test_the_archive_bypasses_nothing(world: World, keeper: Archive) -> None:
    role = await world.admin.fetchrow(
        "SELECT rolcanlogin, rolsuper, rolbypassrls, rolcreaterole FROM pg_roles "
        "WHERE rolname = 'forvarning_archive'"
    )
    assert role is not None
    assert not any(role.values())
    async with keeper.everything() as connection:
        assert await connection.fetchval("SELECT count(*) FROM people.pupils") == 0
    async with keeper.organiser(A.id) as connection:
        mine = await connection.fetch("SELECT DISTINCT organiser_id FROM people.pupils")
        with pytest.raises(Exception, match="permission denied"):
            async with connection.transaction():
                await connection.execute("UPDATE cases.cases SET headline = 'x'")
        with pytest.raises(Exception, match="permission denied"):
            async with connection.transaction():
                await connection.execute("DELETE FROM cases.audit")
    assert [row["organiser_id"] for row in mine] == [A.id]
