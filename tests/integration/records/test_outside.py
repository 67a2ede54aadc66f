"""A case about a pupil of another organiser: handed out and erased as any, by its number and id."""

from __future__ import annotations

import json

import pytest

from services.cases.chain.outside import take_on
from services.cases.chain.perform import perform
from services.cases.courier import Courier
from services.cases.views.extract import extract_for
from services.records.archive import Archive
from services.records.erasure import Erasure
from tests.integration.cases.test_courier import OFFICER, ORDER, begun, rows
from tests.integration.cases.world import A, B, World
from tests.integration.records.search import tables_with

pytestmark = pytest.mark.anyio
NAMES = ("Exempelsson", "Samtal varje vecka")


async def test_the_municipality_hands_out_and_erases_what_the_bestallning_brought(
    world: World, keeper: Archive
) -> None:
    case = await begun(world)
    await perform(world.database, A.viewer("rolf"), case, "order_coordination", ORDER)
    await Courier(world.database).once()
    [arrived] = await rows(world, B.id)
    number = await take_on(world.database, B.viewer("tess"), arrived["document_id"])
    await Courier(world.database).once()

    found = await extract_for(world.database, OFFICER, number, "Dnr 2026/9")
    held = {part.store: part.rows for part in found.parts if part.rows}
    assert {"cases.cases", "cases.documents", "cases.entries", "cases.case_shares"} <= set(held)
    assert "Alva Exempelsson" in json.dumps(held, ensure_ascii=False)

    pupil = await world.admin.fetchval("SELECT pupil_id FROM cases.cases WHERE outside")
    certificate = await Erasure(keeper).erase(B.id, pupil, reference="TN 8", by="Drift")
    assert certificate.content["erased"]["cases.cases"] == 1
    assert await rows(world, B.id) == []
    for table in ("cases", "entries", "entry_revisions", "duties", "case_shares", "case_events"):
        left = await world.admin.fetchval(
            f"SELECT count(*) FROM cases.{table} WHERE organiser_id = $1", B.id
        )
        assert left == 0, table
    # The sender's own is the sender's.
    assert (await world.case(A, "alva"))["state"] == "acknowledged"
    texts = await tables_with(world.admin, NAMES)
    assert texts
    for table in {one for found in texts.values() for one in found}:
        if not table.startswith("cases."):
            continue
        at_b = await world.admin.fetch(
            f"SELECT t::text AS row FROM {table} t WHERE organiser_id = $1", B.id
        )
        assert not [row for row in at_b if any(name in row["row"] for name in NAMES)], table
