"""Many people write the same text at once: whatever the order, no word of anybody's is lost."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import UUID

import pytest

from services.cases.chain.perform import perform, revise
from services.cases.chain.showing import read_entry
from services.cases.store import audit
from services.cases.store.scope import Viewer
from services.common.problem import Problem
from tests.integration.cases.site import opened
from tests.integration.cases.world import TUESDAY, A, World

pytestmark = pytest.mark.anyio

FIELDS = ("own_words", "wants", "works")
WRITERS = ("karin", "rolf", "maja")


@dataclass
class Told:
    """What one writer was told: versions written, with what was meant, and conflicts."""

    name: str
    meant: dict[int, dict[str, str]] = field(default_factory=dict)
    conflicts: int = 0
    given_up: int = 0


async def write(world: World, case: UUID, entry: UUID, random: Random, told: Told) -> None:
    """Change one or two fields, as a person does: read, write, and merge where it must be."""
    name, viewer = told.name, A.viewer(told.name[:-1])
    for number in range(3):
        await asyncio.sleep(random.random() * 0.02)
        shown = await read_entry(world.database, viewer, case, entry)
        version = shown.revisions[0].version
        await asyncio.sleep(random.random() * 0.03)
        words = {
            one: f"{one} av {name}, gång {number}"
            for one in random.sample(FIELDS, random.choice((1, 2)))
        }
        for _ in range(60):
            answer = await attempt(world, viewer, (case, entry), words, version)
            if isinstance(answer, int):
                told.meant[answer] = words
                break
            assert (answer.status, answer.code) == (409, "changed_meanwhile"), answer
            told.conflicts += 1
            # Both texts are in the answer, and what a merge begins with: nothing need be typed
            # again, and nothing of the other's is gone.
            found = {one["field"]: one for one in answer.extra["differences"]}
            for one, text in words.items():
                assert one not in found or found[one]["yours"] == text
            assert answer.extra["version"] > version
            version = answer.extra["version"]
            clashes = {name for name, one in found.items() if one["clash"]}
            # Where both wrote, a person keeps both, and what stands there twice once.
            words = {
                one: " | ".join(dict.fromkeys(f"{found[one]['now']} | {text}".split(" | ")))
                if one in clashes
                else text
                for one, text in words.items()
            }
        else:
            told.given_up += 1


async def attempt(
    world: World, viewer: Viewer, place: tuple[UUID, UUID], words: dict[str, str], version: int
) -> int | Problem:
    """The version written, or why none was."""
    case, entry = place
    try:
        return (await revise(world.database, viewer, case, entry, words, version=version)).version
    except Problem as problem:
        return problem


@pytest.mark.parametrize("seed", range(4))
async def test_however_people_write_at_once_nothing_is_lost(world: World, seed: int) -> None:
    case = UUID(await opened(world))
    first = {"on": TUESDAY.isoformat(), "own_words": "Från början."}
    entry = await perform(world.database, A.viewer("maja"), case, "pupil_voice", first)
    told = {f"{login}{n}": Told(f"{login}{n}") for login in WRITERS for n in range(2)}
    await asyncio.gather(
        *(
            write(world, case, entry.entry_id, Random(f"{seed}|{name}"), one)
            for name, one in told.items()
        )
    )
    rows = await world.admin.fetch(
        "SELECT version, body, staff_id FROM cases.entry_revisions WHERE entry_id = $1 "
        "ORDER BY version",
        entry.entry_id,
    )
    bodies: list[dict[str, Any]] = [json.loads(row["body"]) for row in rows]
    meant = {version: (name, words) for name, one in told.items()
             for version, words in one.meant.items()}  # fmt: skip
    # Each success is a version of its own, without a gap, and each version somebody's success.
    assert [row["version"] for row in rows] == list(range(1, len(rows) + 1))
    assert set(meant) == set(range(2, len(rows) + 1))
    assert sum(len(one.meant) for one in told.values()) == len(rows) - 1
    # A version changes what its writer meant, and nothing else: no other's word went with it.
    for before, after, row in zip(bodies, bodies[1:], rows[1:], strict=False):
        name, words = meant[row["version"]]
        assert row["staff_id"] == A.staff(name[:-1])
        assert after == before | words
    held = await world.admin.fetchrow(
        "SELECT version, body FROM cases.entries WHERE entry_id = $1", entry.entry_id
    )
    assert held is not None
    assert (held["version"], json.loads(held["body"])) == (len(rows), bodies[-1])
    assert sum(one.conflicts for one in told.values()) > 0, "they did meet"
    assert sum(one.given_up for one in told.values()) == 0
    # And each is in the audit log and the case's history once.
    async with world.database.system(A.id) as connection:
        assert await audit.verify(connection, A.id) == []
    written = await world.history(A, "alva")
    assert written.count("entry_revised") == len(rows) - 1


async def test_a_version_that_nobody_saw_is_refused(world: World) -> None:
    case = UUID(await opened(world))
    first = {"on": TUESDAY.isoformat(), "own_words": "Från början."}
    entry = await perform(world.database, A.viewer("maja"), case, "pupil_voice", first)
    for version in (0, 2, 99):
        with pytest.raises(Problem) as refused:
            await revise(
                world.database, A.viewer("maja"), case, entry.entry_id, {"wants": "x"},
                version=version,
            )  # fmt: skip
        assert refused.value.status in {404, 409, 422}
    assert await world.admin.fetchval("SELECT count(*) FROM cases.entry_revisions") == 1
