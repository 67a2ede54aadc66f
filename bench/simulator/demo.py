"""The demonstration's municipality: makes its own source once and goes on where it was."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from uuid import uuid4

import httpx

from bench.simulator.client import RefusedError, is_local, send_patiently

SEED = 7
PUPILS = 300
WEEKS = 6
"""School weeks of history: enough for every rule's window, and sent in seconds."""


@dataclass(frozen=True, slots=True)
class DemoState:
    """What must be the same at the next start. ``token`` is empty until ingest has given one."""

    organiser_id: str
    today: date
    token: str = ""


def _read(path: Path) -> DemoState | None:
    if not path.exists():
        return None
    raw = json.loads(path.read_text("utf-8"))
    return DemoState(raw["organiser_id"], date.fromisoformat(raw["today"]), raw["token"])


def _write(path: Path, state: DemoState) -> None:
    """Replace the file whole; it holds a token, so nobody else may read it."""
    temporary = path.with_suffix(".new")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(asdict(state) | {"today": state.today.isoformat()}, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


async def settled(
    folder: Path,
    url: str,
    ops_token: str,
    today: date,
    transport: httpx.AsyncBaseTransport | None = None,
) -> DemoState:
    """The demonstration's organiser and token; made at the first start, then kept.

    The organiser's id is on disk before ingest hears of it, so a start that
    is cut off makes a second token and never a second municipality.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "demo.json"
    state = _read(path)
    if state is None:
        state = DemoState(str(uuid4()), today)
        _write(path, state)
    if not state.token:
        wanted = {
            "name": "Simulatorn",
            "organiser_id": state.organiser_id,
            "organiser_name": "Testköpings kommun",
            "quota_per_minute": 1_000_000,
        }
        async with httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {ops_token}"},
            timeout=30.0,
            transport=transport,
            trust_env=not is_local(url),
        ) as client:
            answer = await send_patiently(client, "POST", "/v1/sources", wanted)
        if not answer.is_success:
            raise RefusedError("/v1/sources", answer.status_code, answer.text)
        state = DemoState(state.organiser_id, state.today, answer.json()["token"])
        _write(path, state)
    return state
