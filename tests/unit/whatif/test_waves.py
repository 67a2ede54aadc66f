"""A folder tells of no Waves: they are recognised in it, across homes, before it is judged."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.ews.core.profile import parse_profile
from services.ews.whatif.choose import Chosen
from services.ews.whatif.compare import Period
from services.ews.whatif.folder import Folder
from services.ews.whatif.run import Answer, compare
from services.ews.whatif.source import Fact
from tests.unit.ews.toml import profile, rule
from tests.unit.whatif.folders import by_arrival, days, write

SHARE = (
    'metric = "total"; measure = "share"; window = { school_days = 5 }; threshold = 30; '
    "resolve = { below = 10, school_days = 1 }"
)
CALM, ILL = 20, 3


def chosen(name: str, told: str) -> Chosen:
    content = profile(rule("strofranvaro", told), profile_id=name)
    return Chosen(name, "file", content, parse_profile(content))


def answered(folder: Path, *others: Chosen) -> Answer:
    count, subtract = chosen("rakna", SHARE), chosen("dra-av", f'{SHARE}; waves = "subtract"')
    old, new = others or (count, subtract)
    return asyncio.run(compare(Folder(folder), old, new, period=Period()))


def school(folder: Path, ill: int, per_home: int = 12) -> Path:
    """A class of pupils from two homes: half of them went to another school in the first week."""
    lines = []
    for number in range(2 * per_home):
        gone = range(CALM, CALM + ILL) if number % per_home < ill else ()
        before = "soder" if number < per_home else "norra"
        lines += days(f"elev-{number}", 5, unit=before)
        lines += days(f"elev-{number}", CALM + ILL - 5, gone, first=5)
    # The unit's next day is closed too: nothing waits for a Wave any more.
    lines += days("elev-0", 1, first=CALM + ILL)
    return write(folder / "mapp", by_arrival(lines))


def warned(answer: Answer) -> tuple[int, int]:
    old, new = answer.comparison.total().families["strofranvaro"].warned
    return old, new


def test_what_a_class_shared_is_subtracted_though_no_home_sees_it_alone(tmp_path: Path) -> None:
    # Four ill of twelve are too few to tell of in either home; eight of 24 are a wave.
    answer = answered(school(tmp_path, ill=4))
    assert warned(answer) == (8, 0)
    assert answer.waves == ILL


def test_who_is_away_alone_is_warned_about_by_both(tmp_path: Path) -> None:
    answer = answered(school(tmp_path, ill=1))
    assert warned(answer) == (2, 2)
    assert answer.waves == 0


def test_nothing_is_looked_for_that_no_profile_subtracts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = school(tmp_path, ill=4)
    read: list[int] = []
    facts = Folder.facts

    def noted(self: Folder, part: int) -> AsyncIterator[Fact]:
        read.append(part)
        return facts(self, part)

    monkeypatch.setattr(Folder, "facts", noted)
    counting = chosen("rakna", SHARE), chosen("rakna-2", SHARE)
    assert answered(folder, *counting).waves == 0
    assert sorted(read) == [0, 1]
    answered(folder)
    assert sorted(read) == [0, 0, 0, 1, 1, 1]
