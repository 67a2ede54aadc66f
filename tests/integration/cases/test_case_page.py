"""The case page: each family's warning with its sentence, figures and lessons."""

from __future__ import annotations

import re

import httpx
import pytest

from forvarning.warnings.v1 import warnings_pb2 as pb
from tests.integration.cases.site import MONDAY, sign_in
from tests.integration.cases.world import A, Story, World

pytestmark = pytest.mark.anyio


def words(page: str) -> str:
    """What a reader sees of a page, in one line."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


async def test_each_familys_figures_stand_beside_its_sentence(
    client: httpx.AsyncClient, world: World
) -> None:
    pattern = Story(A, "alva", pb.FAMILY_SPORADIC).raised(MONDAY, sentence="Framför allt fredagar.")
    pattern.episodes[-1].figures.pattern.CopyFrom(
        pb.Pattern(
            kind=pb.PATTERN_KIND_WEEKDAY,
            cell="5",
            lessons_reported=24,
            lessons_absent=15,
            elsewhere_reported=96,
            elsewhere_absent=3,
        )
    )
    pattern.episodes[-1].figures.shared = 90
    change = Story(A, "alva", pb.FAMILY_ESCALATION).raised(MONDAY, sentence="Frånvaron har ökat.")
    change.episodes[-1].figures.baseline_reported = 10_000
    change.episodes[-1].figures.baseline_absent = 400
    for story in (pattern, change, Story(A, "alva", pb.FAMILY_LONG_TERM).raised(MONDAY)):
        await world.take(story.event(MONDAY))
    await sign_in(client)
    read = words((await client.get("/arenden/F-2026-00001")).text)
    assert "Framför allt fredagar." in read
    assert "Lektioner på fredagar 15 av 24 med frånvaro; övriga veckodagar 3 av 96" in read
    assert "Inte medräknat 1 tim 30 min" in read.replace("\N{NO-BREAK SPACE}", " ")
    assert "Frånvaron har ökat." in read
    assert "Tidigare under läsåret 4 %" in read.replace("\N{NO-BREAK SPACE}", " ")
    assert "Skoldagar i rad 5" in read
    case_id = (await world.case(A, "alva"))["case_id"]
    shown = (await client.get(f"/api/v1/cases/{case_id}")).json()
    found = {one["family"]: one["figures"] for one in shown["warnings"]}
    assert found["sporadic"]["pattern"] == {
        "kind": "weekday",
        "place": "på fredagar",
        "elsewhere": "övriga veckodagar",
        "absent": 15,
        "reported": 24,
        "elsewhere_absent": 3,
        "elsewhere_reported": 96,
    }
    assert found["escalation"]["baseline_rate"] == pytest.approx(0.04)
    assert found["long_term"]["pattern"] is None
    assert found["long_term"]["baseline_rate"] is None
