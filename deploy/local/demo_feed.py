"""Feed the demonstration: ``python -m deploy.local.demo_feed`` as the launcher starts it.

Makes the demo's organiser and its source at ingest, once, and then becomes `forvarning simulate`.
The organiser's id is written down before ingest is asked, so that a run that ended in between
goes on with the same municipality.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from uuid import uuid4

import httpx

_PATIENCE_SECONDS = 120.0
PUPILS = 420
WEEKS = 6


def main() -> None:
    """Replace this process by the simulator."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ingest", required=True, help="ingest's address")
    parser.add_argument("--clock-file", required=True, type=Path)
    parser.add_argument("--state", required=True, type=Path, help="folder for what must be kept")
    parser.add_argument("--today", required=True, help="first live day, ISO 8601")
    arguments = parser.parse_args()
    arguments.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Only for the source: the simulator knows no more than a school's system does.
    ops_token = os.environ.pop("FORVARNING_INGEST_OPS_TOKEN")
    source = _source(arguments.ingest, ops_token, arguments.state / "source.json", arguments.today)
    argv = [
        sys.executable,
        "-m",
        "deploy.cli",
        "simulate",
        f"--ingest={arguments.ingest}",
        f"--clock-file={arguments.clock_file}",
        f"--ledger={arguments.state / 'ledger.jsonl'}",
        f"--today={arguments.today}",
        f"--pupils={PUPILS}",
        f"--weeks={WEEKS}",
        "--live",
    ]
    os.execve(sys.executable, argv, {**os.environ, "FORVARNING_SOURCE_TOKEN": source})  # noqa: S606 - replacing is the purpose


def _source(ingest: str, ops_token: str, memory: Path, cut_over: str) -> str:
    """The source's token: remembered, or made now."""
    known: dict[str, str] = {}
    if memory.exists():
        known = json.loads(memory.read_text(encoding="utf-8"))
    if "token" not in known:
        known.setdefault("organiser_id", str(uuid4()))
        _keep(memory, known)
        known["token"] = _ask_for_token(ingest, ops_token, known["organiser_id"], cut_over)
        _keep(memory, known)
    return known["token"]


def _ask_for_token(ingest: str, ops_token: str, organiser_id: str, cut_over: str) -> str:
    body = {
        "name": "Demonstrationens simulator",
        "organiser_id": organiser_id,
        "organiser_name": "Testköpings kommun",
        "cut_over": cut_over,
    }
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            answer = httpx.post(
                f"{ingest}/v1/sources",
                json=body,
                headers={"Authorization": f"Bearer {ops_token}"},
                timeout=10,
                trust_env=False,
            )
        except httpx.TransportError as error:
            said = str(error)
        else:
            if answer.status_code == httpx.codes.CREATED:
                return str(answer.json()["token"])
            if answer.status_code < 500:
                sys.exit(f"ingest refused the demo's source: {answer.status_code} {answer.text}")
            said = f"{answer.status_code}"
        if time.monotonic() > deadline:
            sys.exit(f"ingest did not make the demo's source within two minutes: {said}")
        time.sleep(0.2)


def _keep(memory: Path, known: dict[str, str]) -> None:
    new = memory.with_suffix(".new")
    new.touch(mode=0o600)
    new.write_text(json.dumps(known), encoding="utf-8")
    new.replace(memory)


if __name__ == "__main__":
    main()
