"""The command on a folder, what it counts by group and school, the page and its plots."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from concurrent.futures import Future
from datetime import date
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from bench.eval import main, report
from bench.eval.report import AIMS, engine_score, population, schools
from bench.eval.score import Spell
from bench.eval.svg import Axis, Line, chart
from bench.eval.truth import PupilTerm
from bench.eval.years import Calm, Warned, Wave, Year
from tests.unit.eval.test_truth import term, weekdays
from tests.unit.whatif.folders import RUN_RULE, days, school_day, write

DAYS = weekdays(date(2026, 8, 10), 100)


def year(name: str, *parts: tuple[PupilTerm, list[Spell]]) -> Year:
    spells = {one.year.pupil: some for one, some in parts}
    changes = {pupil: [one.raised for one in some] for pupil, some in spells.items()}
    return Year(name, [one for one, _ in parts], Warned(spells, changes), {}, {}, 0.0)


def pupil(name: str, away: int, **more: Any) -> PupilTerm:
    return term([1.0] * away + [0.0] * (100 - away), pupil=name, **more)


def test_a_group_is_scored_by_its_own_pupils_only() -> None:
    early, late = Spell("langvarig", DAYS[4]), Spell("strofranvaro", DAYS[40])
    years = [
        year("1", (pupil("a", 20, sex="female"), [early]), (pupil("b", 2, sex="male"), [late])),
        year("2", (pupil("a", 20, sex="male"), []), (pupil("b", 0, sex="female"), [])),
    ]
    whole = engine_score(years)
    assert whole.share_recall.value == 0.5
    assert whole.share_false_alarms.value == 50
    assert whole.changes_per_pupil_term.value == 0.5
    by_sex = report.groups(years)["sex"]
    assert by_sex["female"].share_recall.value == 1
    assert by_sex["female"].share_false_alarms.value == 0
    assert by_sex["male"].share_recall.value == 0
    assert by_sex["male"].share_false_alarms.value == 100
    families = report.groups(years)["family"]
    assert families["langvarig"].share_recall.value == 0.5
    assert families["langvarig"].share_false_alarms.value == 0
    assert families["strofranvaro"].share_false_alarms.value == 50
    assert families["eskalering"].share_recall.value == 0


def test_the_same_school_of_two_years_is_two() -> None:
    years = [year(name, (pupil("a", 20, unit="u"), [])) for name in ("1", "2")]
    assert list(schools(years)) == ["1 u", "2 u"]


def test_schools_too_small_to_tell_are_left_out() -> None:
    warned = [Spell("langvarig", DAYS[4])]
    many = [(pupil(f"a{n}", 20, unit="u"), warned) for n in range(20)]
    half = [(pupil(f"b{n}", 20, unit="v"), warned if n % 2 else []) for n in range(20)]
    few: list[tuple[PupilTerm, list[Spell]]] = [(pupil("c", 20, unit="w"), [])]
    found = report.school_figures(schools([year("1", *many, *half, *few)]))
    assert (found["school_share_recall_worst"], found["school_share_recall_best"]) == (0.5, 1.0)
    assert "school_share_false_alarms_worst" not in found


def test_what_the_pupils_are_like() -> None:
    found = population([pupil("a", 20), pupil("b", 12), pupil("c", 5), pupil("d", 0)])
    assert (found["terms_over_15_percent"], found["terms_10_to_15_percent"]) == (25, 25)
    assert found["negatives_median_percent"] == pytest.approx(2.5)
    assert found["negatives_worst_fortnight_percent"] == 50
    assert found["crossing_median_day"] == 15
    assert found["runs_of_seven_percent"] == 100


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    away = {"run": range(20, 45), "some": [3, 7, 60], "none": []}
    lines = [one for name, gone in away.items() for one in days(name, 99, gone)]
    write(tmp_path / "facts", [*lines, "no line"])
    with (tmp_path / "facts" / "truth.jsonl").open("w", encoding="utf-8") as file:
        for name, gone in away.items():
            missed = {school_day(n).isoformat(): float(n in set(gone)) for n in range(99)}
            said = {"pupil": name, "unit": "norra", "kind": "low", "missed": missed}
            file.write(json.dumps(said) + "\n")
    (tmp_path / "profile.toml").write_text(RUN_RULE.format(id="p", days=5, more=50), "utf-8")
    return tmp_path


def evaluated(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *more: str, facts: str = "facts"
) -> int:
    given = ["eval", "--facts", str(folder / facts), "--profile", str(folder / "profile.toml")]
    monkeypatch.setattr(sys, "argv", [*given, *more])
    return main.main()


def test_a_folder_is_scored_and_told_in_one_last_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluated(folder, monkeypatch, "--docs", str(folder / "docs")) == 0
    printed = capsys.readouterr()
    last = json.loads(printed.out.splitlines()[-1])
    figures = last["figures"]
    assert [aim["name"] for aim in last["aims"]] == [aim.name for aim in AIMS]
    assert len(AIMS) == 10
    # Day 24 is the fifth of the run, day 34 the crossing.
    assert (figures["share_recall"], figures["share_lead_days"]) == (1, 10)
    assert (figures["share_false_alarms"], figures["run_recall_day5"]) == (0, 1)
    assert figures["curve_seven_days_7_share_lead_days"] == 8
    assert figures["weekly_10_percent_share_false_alarms"] == 50
    assert "line 892: is no JSON" in printed.err
    assert "kind low: 3 pupils, 0 of them with a pattern" in printed.err
    written = sorted(file.name for file in (folder / "docs").iterdir())
    assert written == [
        "warning-quality-lead.svg",
        "warning-quality-pattern.svg",
        "warning-quality-recall.svg",
        "warning-quality-run.svg",
        "warning-quality.md",
    ]
    text = (folder / "docs" / "warning-quality.md").read_text("utf-8")
    assert "| `share_recall` | 1.000 (0.207 to 1.000) | >= 0.97 | met |" in text
    assert "| `noise_cost_percent` | – | <= 10 | **not met** |" in text
    assert "nan" not in text


def test_a_run_on_other_data_leaves_the_page_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(main, "ROOT", folder)
    monkeypatch.setattr(main, "write", _refuse)
    assert evaluated(folder, monkeypatch) == 0


def _refuse(*_: object) -> None:
    raise AssertionError("the page was written")


def test_data_that_cannot_be_used_ends_with_a_reason(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluated(folder, monkeypatch, facts="nowhere") == 2
    assert "no such file" in capsys.readouterr().err
    truth = folder / "facts" / "truth.jsonl"
    truth.write_text(truth.read_text("utf-8").replace('"pupil": "', '"pupil": "x-'), "utf-8")
    assert evaluated(folder, monkeypatch) == 2
    assert "no pupil of truth.jsonl is in facts.jsonl" in capsys.readouterr().err


def circles(picture: str) -> Iterator[tuple[float, float]]:
    for one in ET.fromstring(picture).iter("{http://www.w3.org/2000/svg}circle"):  # noqa: S314 - our own
        yield float(one.attrib["cx"]), float(one.attrib["cy"])


def test_a_chart_puts_points_where_they_belong() -> None:
    line = Line("a & b", [(0, 0), (5, 0.5), (10, 1), (11, 0.5)])
    drawn = list(circles(chart("<t>", Axis("x", 0, 10, 5), Axis("y", 0, 1, 0.5), [line])))
    first, middle, last, _legend = drawn
    assert first[0] < middle[0] < last[0]
    assert first[1] > middle[1] > last[1]
    assert middle[0] == pytest.approx((first[0] + last[0]) / 2, abs=0.1)
    assert middle[1] == pytest.approx((first[1] + last[1]) / 2, abs=0.1)


def test_noise_and_waves_are_told_of_the_compared_years_together() -> None:
    noisy = year(
        "1",
        (pupil("a", 20), [Spell("langvarig", DAYS[9])]),
        (pupil("b", 20), []),
        (pupil("c", 0), [Spell("langvarig", DAYS[9])]),
        (pupil("d", 0), []),
    )
    early = {one: [Spell("langvarig", DAYS[4])] for one in ("a", "b", "c")}
    clean = Warned(early, {})
    waves = [Wave(DAYS[5], DAYS[8], DAYS[15], frozenset("abcd"))]
    without = Calm(waves, Warned({"c": [Spell("langvarig", DAYS[5])]}, {}), 2.0)
    figures, seconds = main.compare([(done(noisy), done((clean, 1.0)), done(without))])
    assert figures["noise_cost_recall_percent"] == 50
    # The crossing is day 14: leads 10 and 10 without noise, 5 and -5 with it.
    assert figures["noise_cost_lead_percent"] == 100
    assert figures["noise_cost_false_alarms_percent"] == 0
    assert figures["noise_cost_percent"] == 100
    assert (figures["wave_extra_percent"], figures["wave_fewer_percent"]) == (0, 25)
    assert figures["wave_extra_later_percent"] == 25
    assert (figures["wave_pupils"], figures["compared_seeds"], seconds) == (4, 1, 3.0)
    assert main.compare([]) == ({}, 0.0)


def done(value: Any) -> Future[Any]:
    job: Future[Any] = Future()
    job.set_result(value)
    return job


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ([], True),
        (["--tuning"], False),
        (["--pupils", "1000"], False),
        (["--seeds", "9001"], False),
        (["--profile", str(main.STANDARD.with_name("skolverket-15.toml"))], False),
    ],
)
def test_only_the_whole_run_of_standard_writes_the_page(
    monkeypatch: pytest.MonkeyPatch, given: list[str], written: bool
) -> None:
    asked: list[tuple[int, ...]] = []

    def simulated(seeds: tuple[int, ...], *_: object) -> tuple[list[Year], main.Compared]:
        asked.append(seeds)
        return [year("1", (pupil("a", 20), []))], main.Compared({}, 0.0)

    pages: list[object] = []
    monkeypatch.setattr(main, "_simulated", simulated)
    monkeypatch.setattr(main, "write", lambda folder, *_: pages.append(folder))
    monkeypatch.setattr(sys, "argv", ["eval", *given])
    assert main.main() == 0
    assert pages == ([main.ROOT / "docs"] if written else [])
    assert not set(main.TUNING_SEEDS) & set(main.EVALUATION_SEEDS)
    assert asked == [
        main.TUNING_SEEDS
        if "--tuning" in given
        else (9001,)
        if "--seeds" in given
        else main.EVALUATION_SEEDS
    ]
