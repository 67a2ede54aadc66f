"""Two profiles on a folder: every figure against what can be counted by hand."""

from __future__ import annotations

import asyncio
import random
from datetime import date
from pathlib import Path

import pytest

from services.common.clock import epoch_day
from services.ews.whatif.choose import choose
from services.ews.whatif.compare import ANY, Period, Pupil
from services.ews.whatif.errors import WhatIfError
from services.ews.whatif.folder import Folder
from services.ews.whatif.run import Answer, compare
from services.ews.whatif.show import as_json
from tests.unit.whatif.folders import Line, by_arrival, days, line, profile, school_day, write


def ask(folder: Path, old: Path, new: Path, period: Period | None = None, *units: str) -> Answer:
    async def work() -> Answer:
        return await compare(
            Folder(folder),
            await choose(str(old), None),
            await choose(str(new), None),
            period=period or Period(),
            asked_units=units,
        )

    return asyncio.run(work())


def told(answer: Answer) -> dict[str, Pupil]:
    return {pupil.pupil: pupil for pupil in answer.comparison.pupils}


@pytest.fixture
def profiles(tmp_path: Path) -> tuple[Path, Path]:
    return profile(tmp_path, "fem", 5, 8), profile(tmp_path, "sju", 7)


def school() -> list[Line]:
    return by_arrival(
        days("p1", 20, range(3, 12)),  # nine days: both, seven two school days later
        days("p2", 20, range(10, 16)),  # six days: fem only
        days("p3", 20, [1, 3, 5, 7, 9]),  # five, none in a row
        days("p4", 20, unit="sodra"),
        days("p5", 20, range(8), unit="sodra"),
    )


def test_who_is_warned_when_under_each(tmp_path: Path, profiles: tuple[Path, Path]) -> None:
    answer = ask(write(tmp_path / "f", school()), *profiles)
    pupils = told(answer)
    assert set(pupils) == {"p1", "p2", "p5"}
    assert answer.undigested == answer.failed == 0
    every = Period()

    def first(pupil: str) -> list[int | None]:
        return [pupils[pupil].first(side, "langvarig", every) for side in (0, 1)]

    def day(number: int) -> int:
        return epoch_day(school_day(number))

    assert first("p1") == [day(7), day(9)]
    assert first("p2") == [day(14), None]
    assert first("p5") == [day(4), day(6)]
    (p1,) = pupils["p1"].episodes[0]
    assert [(r.level, r.day, r.rule_id) for r in p1.levels] == [
        (1, day(7), "dagar"),
        (2, day(10), "fler-dagar"),
    ]
    assert p1.resolved == day(13)
    schools = {unit: s.pupils for unit, s in answer.comparison.schools.items()}
    assert schools == {"norra": 3, "sodra": 2}
    total = answer.comparison.total()
    tally = total.families["langvarig"]
    assert total.families[ANY] == tally
    assert (tally.warned, tally.both, tally.only) == ([3, 2], 2, (1, 0))
    # Two school days later each; a weekend lies between those of p5.
    assert sorted(tally.days_later) == sorted([day(9) - day(7), day(6) - day(4)])
    # fem: p1 raised, up, resolved; p2 raised, resolved; p5 raised, up, resolved.
    assert tally.changes == [8, 4]


def test_lines_in_any_order_give_the_same_answer(
    tmp_path: Path, profiles: tuple[Path, Path]
) -> None:
    lines = school()
    dice = random.Random(4)
    answers = []
    for number in range(3):
        # A pupil's home is where the first line says, so whole days are shuffled around it.
        answers.append(as_json(ask(write(tmp_path / f"f{number}", lines), *profiles)))
        dice.shuffle(lines)
    for one in answers:
        del one["source"], one["facts"]
    assert answers[0] == answers[1] == answers[2]


def test_the_newest_modified_counts_whatever_comes_last(
    tmp_path: Path, profiles: tuple[Path, Path]
) -> None:
    lines = days("p1", 20, range(3, 9))
    wednesday = school_day(7)
    there = [
        line(wednesday, n, "p1", modified="2026-08-26T18:00:00+02:00", valid=0) for n in range(3)
    ]
    assert set(told(ask(write(tmp_path / "a", lines), *profiles))) == {"p1"}
    assert not told(ask(write(tmp_path / "b", lines + there), *profiles))
    assert not told(ask(write(tmp_path / "c", there + lines), *profiles))


def test_the_later_line_wins_where_both_were_modified_at_once(
    tmp_path: Path, profiles: tuple[Path, Path]
) -> None:
    lines = days("p1", 20, range(3, 9))
    there = [line(school_day(7), n, "p1", valid=0) for n in range(3)]
    assert not told(ask(write(tmp_path / "a", lines + there), *profiles))
    assert set(told(ask(write(tmp_path / "b", there + lines), *profiles))) == {"p1"}


def test_a_deleted_lesson_and_an_unreported_one_are_neither_absence_nor_presence(
    tmp_path: Path, profiles: tuple[Path, Path]
) -> None:
    lines = days("p1", 20, range(3, 9))
    for one in lines:
        if one["start"][:10] == school_day(7).isoformat():
            one.update(valid=0, deleted=True)
        if one["start"][:10] == school_day(8).isoformat():
            one.update(valid=0, reported=False)
    answer = ask(write(tmp_path / "f", lines), *profiles)
    assert not told(answer)  # four days away
    lines = [one for one in lines if one["start"][:10] != school_day(9).isoformat()]
    lines += days("p1", 1, [9], first=9)
    # The day that nobody reported neither counts in the run nor breaks it.
    (pupil,) = told(ask(write(tmp_path / "g", lines), *profiles)).values()
    assert pupil.first(0, "langvarig", Period()) == epoch_day(school_day(9))


def test_a_pupil_who_moves_keeps_the_run_and_is_counted_once(
    tmp_path: Path, profiles: tuple[Path, Path]
) -> None:
    lines = by_arrival(
        days("p1", 6, range(2, 6)),
        days("p1", 14, range(6, 10), first=6, unit="sodra"),
        days("p2", 20),
        days("p3", 20, unit="sodra"),
    )
    answer = ask(write(tmp_path / "f", lines), *profiles)
    (pupil,) = told(answer).values()
    assert (pupil.pupil, pupil.unit) == ("p1", "sodra")
    assert pupil.first(1, "langvarig", Period()) == epoch_day(school_day(8))
    assert {unit: s.pupils for unit, s in answer.comparison.schools.items()} == {
        "norra": 1,
        "sodra": 2,
    }


def test_a_lesson_elsewhere_moves_nobody(tmp_path: Path, profiles: tuple[Path, Path]) -> None:
    lines = days("p1", 20, range(3, 9)) + days("p2", 20)
    for one in lines:
        if one["subject"] == "MA" and one["pupil"] == "p2":
            one["unit"] = "sodra"
    answer = ask(write(tmp_path / "f", lines), *profiles)
    assert {unit: s.pupils for unit, s in answer.comparison.schools.items()} == {"norra": 2}


def test_the_period_counts_what_lasts_within_it(
    tmp_path: Path, profiles: tuple[Path, Path]
) -> None:
    folder = write(tmp_path / "f", school())
    day = [epoch_day(school_day(n)) for n in range(20)]
    begun = ask(folder, *profiles, Period(None, day[7]))
    assert set(told(begun)) == {"p1", "p5"}
    assert begun.comparison.total().families[ANY].warned == [2, 1]
    later = ask(folder, *profiles, Period(day[11], None))
    # p5 had come to rest by then; p1's warning had been raised before and still lasted.
    assert set(told(later)) == {"p1", "p2"}
    assert told(later)["p1"].first(0, "langvarig", later.comparison.period) == day[7]
    tally = later.comparison.total().families[ANY]
    assert (tally.warned, tally.only, tally.changes) == ([2, 1], (1, 0), [3, 1])


def test_one_school_only_and_a_school_that_is_not_there(
    tmp_path: Path, profiles: tuple[Path, Path]
) -> None:
    folder = write(tmp_path / "f", school())
    answer = ask(folder, *profiles, None, "sodra")
    assert set(told(answer)) == {"p5"}
    assert list(answer.comparison.schools) == ["sodra"]
    with pytest.raises(WhatIfError, match=r"--unit ostra.*There are: norra, sodra"):
        ask(folder, *profiles, None, "sodra", "ostra")


def test_two_school_years_are_two_homes_and_no_run_crosses_them(
    tmp_path: Path, profiles: tuple[Path, Path]
) -> None:
    lines = days("p1", 6, range(3, 6)) + [
        line(date(2027, 8, 16 + n), lesson, "p1", valid=60, unit="sodra")
        for n in range(5)
        for lesson in range(3)
    ]
    answer = ask(write(tmp_path / "f", lines), *profiles)
    (pupil,) = told(answer).values()
    assert pupil.first(0, "langvarig", Period()) == epoch_day(date(2027, 8, 20))
    assert answer.undigested == 0


def test_a_bad_line_is_told_with_number_and_field_and_loses_nothing_else(
    tmp_path: Path, profiles: tuple[Path, Path]
) -> None:
    good = school()
    whole = as_json(ask(write(tmp_path / "a", good), *profiles))
    bad: list[Line | str] = [*good]
    bad.insert(7, "{ this is no line")
    bad.insert(9, good[0] | {"minutes": "sixty", "valid": 0})
    bad.insert(11, "")
    told_with_bad = as_json(ask(write(tmp_path / "b", bad), *profiles))
    assert [(b["line"], b["field"]) for b in told_with_bad["bad_lines"]] == [
        (8, ""),
        (10, "minutes"),
    ]
    for key in ("total", "schools", "pupils"):
        assert told_with_bad[key] == whole[key]


def test_a_folder_that_cannot_be_used_is_said_plainly(
    tmp_path: Path, profiles: tuple[Path, Path]
) -> None:
    with pytest.raises(WhatIfError, match="there is no such folder"):
        Folder(tmp_path / "nowhere")
    with pytest.raises(WhatIfError, match=r"there is no facts\.jsonl"):
        Folder(tmp_path)
    with pytest.raises(WhatIfError, match="no line can be used; it is empty"):
        ask(write(tmp_path / "f", []), *profiles)
    with pytest.raises(WhatIfError, match=r"no line can be used \(line 1 is no JSON\)"):
        ask(write(tmp_path / "g", ["x"]), *profiles)
