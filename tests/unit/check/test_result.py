"""The last line of a measuring command."""

from __future__ import annotations

import json
import math

import pytest

from bench.result import Aim, print_result, result


def test_the_object_has_the_shape_that_the_design_gives() -> None:
    found = result("demo-check", {"cases": 3, "p99_seconds": 0.5}, [Aim("cases", ">=", 1)])
    assert set(found) == {"command", "machine", "versions", "figures", "aims"}
    assert set(found["machine"]) == {"cpu", "cores", "memory_gib"}
    assert found["machine"]["cores"] >= 1
    assert found["machine"]["cpu"]
    assert "python" in found["versions"]
    assert found["figures"] == {"cases": 3, "p99_seconds": 0.5}
    assert found["aims"] == [{"name": "cases", "value": 3, "op": ">=", "aim": 1, "met": True}]


@pytest.mark.parametrize(
    ("op", "value", "met"),
    [
        ("<=", 2, True), ("<=", 2.0001, False), (">=", 2, True), (">=", 1.9999, False),
        ("==", 2, True), ("==", 1, False), ("<=", None, False), (">=", math.nan, False),
        ("==", None, False),
    ],
)  # fmt: skip
def test_an_aim_is_met_or_not(op: str, value: float | None, met: bool) -> None:
    assert Aim("x", op, 2).met(value) is met  # type: ignore[arg-type]  # parametrised


def test_a_missing_figure_is_an_aim_not_met_and_no_figure() -> None:
    found = result("x", {"here": 1, "unmeasured": None}, [Aim("unmeasured", "<=", 2)])
    assert found["figures"] == {"here": 1}
    assert found["aims"][0]["value"] is None
    assert found["aims"][0]["met"] is False


def test_an_infinite_figure_is_refused() -> None:
    with pytest.raises(ValueError, match="p99"):
        result("x", {"p99": math.inf}, [])


def test_it_is_one_line_and_says_whether_all_is_met(capsys: pytest.CaptureFixture[str]) -> None:
    assert print_result("x", {"a": 1}, [Aim("a", "==", 1)]) is True
    assert print_result("x", {"a": 1}, [Aim("a", "==", 1), Aim("b", ">=", 1)]) is False
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert [aim["met"] for aim in json.loads(lines[1])["aims"]] == [True, False]
