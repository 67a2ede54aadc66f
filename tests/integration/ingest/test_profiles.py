"""Rule profiles over HTTP and by the command, on real Kafka and PostgreSQL."""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import uvicorn
from typer.testing import CliRunner

from deploy.commands.rules import SHIPPED
from deploy.commands.rules import app as rules
from forvarning.facts.v1 import facts_pb2 as facts
from forvarning.rules.v1.rules_pb2 import RuleProfile
from services.common import topics
from services.common.clock import epoch_day
from tests.integration.ingest.world import OPS_TOKEN, PARTITIONS, World, read_topic, roster
from tests.trial import TRIAL

pytestmark = pytest.mark.anyio

STANDARD = Path("services/ews/profiles/standard.toml").read_bytes()


def profile(profile_id: str, version: int = 1) -> str:
    """The trial rules under another name."""
    text = TRIAL.decode().replace('id = "provprofil"', f'id = "{profile_id}"', 1)
    return text.replace("version = 1", f"version = {version}", 1)


async def test_the_first_roster_puts_the_standard_profile_into_force(world: World) -> None:
    await world.put(roster())
    await world.put(roster())
    found = await world.facts("profile_activated")
    assert [partition for partition, _ in found] == list(range(PARTITIONS))
    [activated] = {body.SerializeToString() for _, body in found}
    fact = facts.ProfileActivated.FromString(activated)
    assert (fact.profile_id, fact.profile_version) == ("standard", 1)
    assert fact.digest == hashlib.sha256(STANDARD).digest()
    assert fact.valid_from_day == epoch_day(date(2026, 7, 1))
    contents = [
        RuleProfile.FromString(record.value)
        for record in await read_topic(world.bootstrap, topics.PROFILES.name)
        if record.key == b"standard@1"
    ]
    assert contents
    assert contents[-1].content == STANDARD


async def activate(world: World, content: str, valid_from: str, /, **more: Any) -> httpx.Response:
    body = {
        "organiser_id": str(world.organiser_id),
        "content": content,
        "valid_from": valid_from,
    } | more
    return await world.client.post(
        "/v1/profiles", json=body, headers={"Authorization": f"Bearer {OPS_TOKEN}"}
    )


async def test_a_later_profile_holds_from_tomorrow_at_the_earliest(world: World) -> None:
    await world.put(roster())
    own = profile(f"own-{world.organiser_id.hex[:8]}")
    answer = await activate(world, own, "2026-11-24")
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:forvarning:problem:too_early")
    answer = await activate(world, own, "2026-11-25", school_forms=["GR"])
    assert answer.status_code == 201, answer.text
    *_, (_, last) = await world.facts("profile_activated")
    assert last.valid_from_day == epoch_day(date(2026, 11, 25))
    assert list(last.school_forms) == [facts.SCHOOL_FORM_COMPULSORY]
    answer = await activate(world, own + "# changed\n", "2026-11-26")
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:forvarning:problem:content_changed"
    assert len(await world.facts("profile_activated")) == 2 * PARTITIONS


async def test_an_organisers_first_profile_may_hold_from_any_date(world: World) -> None:
    own = profile(f"first-{world.organiser_id.hex[:8]}", 3)
    assert (await activate(world, own, "2020-08-18")).status_code == 201
    await world.put(roster())
    assert {body.profile_id for _, body in await world.facts("profile_activated")} == {
        f"first-{world.organiser_id.hex[:8]}"
    }, "an organiser that has a profile is not given the standard one"


@pytest.mark.parametrize(
    ("content", "changes", "code"),
    [
        ("not toml [", {}, "malformed_profile"),
        ("[other]", {}, "malformed_profile"),
        ('[profile]\nid = "x"\nversion = true', {}, "malformed_profile"),
        (
            profile("x"),
            {"organiser_id": str(UUID(int=7))},
            "unknown_organiser",
        ),
        (
            profile("x"),
            {"school_unit_ids": [str(UUID(int=7))]},
            "unknown_unit",
        ),
        (profile("x"), {"valid_from": "soon"}, "invalid"),
    ],
)
async def test_a_bad_activation(
    world: World, content: str, changes: dict[str, Any], code: str
) -> None:
    answer = await activate(world, content, "2026-12-01", **changes)
    assert answer.status_code == 422
    assert answer.json()["type"] == f"urn:forvarning:problem:{code}"


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("threshold = 5", "threshold = 0", "signals.strofranvaro.rules.threshold"),
        ('owner = "principal"', 'owner = "rektor"', "ladder.steps.owner"),
    ],
)
async def test_an_invalid_profile_is_refused_and_the_old_one_stays(
    world: World, old: str, new: str, key: str
) -> None:
    await world.put(roster())
    before = await world.facts("profile_activated")
    name = f"bad-{world.organiser_id.hex[:8]}"
    good = profile(name)
    bad = good.replace(old, new, 1)
    assert bad != good
    answer = await activate(world, bad, "2026-12-01")
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["type"] == "urn:forvarning:problem:malformed_profile"
    [error] = problem["errors"]
    assert (error["field"], error["key"]) == ("/content", key)
    assert error["line"] == bad[: bad.index(new)].count("\n") + 1
    assert key in problem["detail"]
    # Nothing of it is published, and its name and version are still free for the mended file.
    assert await world.facts("profile_activated") == before
    assert not [
        record
        for record in await read_topic(world.bootstrap, topics.PROFILES.name)
        if (record.key or b"").startswith(name.encode())
    ]
    assert (await activate(world, good, "2026-12-01")).status_code == 201


@asynccontextmanager
async def address(world: World) -> AsyncIterator[str]:
    """Ingest on a port of this machine, for what only speaks HTTP."""
    server = uvicorn.Server(uvicorn.Config(world.app, lifespan="off", log_level="warning"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        running = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            await running


async def activate_by_command(world: World, url: str, file: Path) -> Any:
    arguments = ["activate", str(file), "--organiser", str(world.organiser_id)]
    arguments += ["--from", "2026-12-01", "--ingest", url, "--ops-token", OPS_TOKEN]
    return await asyncio.to_thread(lambda: CliRunner().invoke(rules, arguments))


async def test_every_shipped_profile_can_be_activated_by_the_command(world: World) -> None:
    files = sorted(SHIPPED.glob("*.toml"))
    assert len(files) >= 8
    async with address(world) as url:
        for file in files:
            done = await activate_by_command(world, url, file)
            assert done.exit_code == 0, done.output
            assert json.loads(done.output)["profile"] == f"{file.stem}@1"
    found = await world.facts("profile_activated")
    activated = [body for partition, body in found if partition == 0]
    assert [body.profile_id for body in activated] == [file.stem for file in files]
    contents = {
        profile.digest: profile.content
        for profile in (
            RuleProfile.FromString(record.value)
            for record in await read_topic(world.bootstrap, topics.PROFILES.name)
        )
    }
    for file, body in zip(files, activated, strict=True):
        assert contents[body.digest] == file.read_bytes()


async def test_the_command_tells_line_and_key_of_what_ingest_refuses(
    world: World, tmp_path: Path
) -> None:
    file = tmp_path / "own.toml"
    text = TRIAL.decode().replace('owner = "principal"', 'owner = "rektor"', 1)
    file.write_text(text, "utf-8")
    line = text[: text.index('"rektor"')].count("\n") + 1
    async with address(world) as url:
        done = await activate_by_command(world, url, file)
    assert done.exit_code == 1
    assert f"line {line}, ladder.steps.owner: " in done.output
    assert not await world.facts("profile_activated")
