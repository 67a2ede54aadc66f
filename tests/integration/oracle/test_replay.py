"""`forvarning replay` on a real log: of the profile in force it tells what was published."""

from __future__ import annotations

import hashlib
import signal
from collections.abc import Callable
from datetime import date
from uuid import UUID

import pytest

from forvarning.rules.v1.rules_pb2 import RuleProfile
from forvarning.warnings.v1 import warnings_pb2 as pb
from services.common.clock import epoch_day
from services.common.settings import OracleSettings
from services.ews.oracle.snapshots import standing
from services.ews.whatif.choose import Chosen, choose
from services.ews.whatif.compare import ANY, FAMILY_NAMES, Period
from services.ews.whatif.errors import WhatIfError
from services.ews.whatif.log import InputLog
from services.ews.whatif.run import Answer, compare
from tests.integration.oracle.municipality import PUPILS, Municipality
from tests.integration.oracle.test_stream import some_weeks
from tests.support_ews.harness import Stream, run
from tests.trial import TRIAL, TRIAL_ID

CALMER = TRIAL.replace(b"version = 1", b"version = 7", 1).replace(
    b"threshold = 5\n", b"threshold = 9\n", 2
)


def source(s: Stream) -> InputLog:
    return InputLog(OracleSettings(**s.settings.model_dump()), s.topology)


async def what_if(s: Stream, old: str, new: str, period: Period, *units: str) -> Answer:
    log = source(s)
    chosen: list[Chosen] = [await choose(one, log.contents) for one in (old, new)]
    return await compare(log, *chosen, period=period, asked_units=units)


async def publish(s: Stream, content: bytes, version: int) -> None:
    made = RuleProfile(
        profile_id=TRIAL_ID,
        profile_version=version,
        content=content,
        digest=hashlib.sha256(content).digest(),
    )
    key = f"{TRIAL_ID}@{version}".encode()
    await s.send_raw(0, made.SerializeToString(), topic=s.topology.profiles, key=key)


def test_the_profile_in_force_tells_what_was_published_and_another_something_else(
    make_stream: Callable[..., Stream], seed: int
) -> None:
    s, municipality = make_stream(), Municipality(seed)

    async def scenario() -> None:
        await some_weeks(s, municipality)
        await s.send_raw(0, b"\xff\xff\xff")
        worker = s.start()
        await s.caught_up(120)
        worker.signal(signal.SIGTERM)
        worker.wait()
        published = {
            (str(UUID(bytes=event.pupil_id)), FAMILY_NAMES[event.family]): [
                (one.raised_day, one.resolved_day, one.level, one.level_day)
                for one in standing(event)
            ]
            for record in await s.read(s.topology.warnings)
            for event in [pb.WarningEvent.FromString(record.value or b"")]
        }
        published = {key: told for key, told in published.items() if told}
        assert len(published) >= 8

        with pytest.raises(WhatIfError, match=r"neither shipped nor on rules\.profiles\.v1"):
            await what_if(s, "provprofil@1", "provprofil@7", Period())
        await publish(s, CALMER, 7)
        answer = await what_if(s, "provprofil@1", "provprofil@7", Period())
        assert answer.undigested == 1
        found: dict[tuple[str, str], list[tuple[int, ...]]] = {}
        for pupil in answer.comparison.pupils:
            for one in pupil.episodes[0]:
                last = one.levels[-1]
                found.setdefault((pupil.pupil, one.family), []).append(
                    (one.raised, one.resolved, last.level, last.day)
                )
        assert found == published

        total = answer.comparison.total()
        assert total.pupils == 4 * PUPILS
        assert {unit: s.pupils for unit, s in answer.comparison.schools.items()} == {
            str(municipality.unit(partition)): PUPILS for partition in range(4)
        }
        # Pupil 0 of each class is away for 16 days in a row: five days are reached before nine.
        run_of_days = total.families["langvarig"]
        assert run_of_days.both >= 4
        assert run_of_days.median_days_later is not None
        assert run_of_days.median_days_later > 0
        assert total.families["ogiltig_idag"].only == (0, 0)
        assert answer.new.origin == "rules.profiles.v1"

        unit = str(municipality.unit(2))
        november = Period(epoch_day(date(2026, 11, 1)), epoch_day(date(2026, 11, 30)))
        part = await what_if(s, "provprofil@1", "provprofil@7", november, unit)
        assert list(part.comparison.schools) == [unit]
        own = {str(municipality.pupil(2, number)) for number in range(PUPILS)}
        assert {pupil.pupil for pupil in part.comparison.pupils} <= own
        assert part.comparison.total().families[ANY].warned[0] >= 1

    run(scenario())


def test_another_broker_is_said_plainly(make_stream: Callable[..., Stream]) -> None:
    s = make_stream()

    async def scenario() -> None:
        with pytest.raises(WhatIfError, match="does not have the topics"):
            await what_if(s, "standard", "standard", Period())

    run(scenario())
