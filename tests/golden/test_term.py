"""The kept term against what the core makes of it now."""

from __future__ import annotations

import difflib

import pytest

from tests.golden import __main__ as command
from tests.golden.term import KEPT, Term, judge, judged_by

_MOST_LINES = 60


@pytest.fixture(scope="module")
def kept() -> Term:
    return Term.read(KEPT.read_text("utf-8"))


@pytest.fixture(scope="module")
def now() -> Term:
    return judge()


def test_the_kept_term_was_judged_by_the_present_profile_and_core(kept: Term) -> None:
    made_by = {name: kept.made_by[name] for name in judged_by()}
    assert made_by == judged_by(), (
        "standard.toml or CORE_VERSION has changed since the golden term was judged: run "
        "`make golden`, look at the diff of tests/golden/term.txt, and commit it with the change."
    )


def test_the_term_gives_the_kept_warnings(kept: Term, now: Term) -> None:
    if now == kept:
        return
    told = list(difflib.unified_diff(kept.episodes, now.episodes, "kept", "now", lineterm="", n=0))
    if now.made_by["facts sha256"] != kept.made_by["facts sha256"]:
        why = "The simulator says other things than it did: run `make golden`."
    elif now.made_by != kept.made_by:
        why = "The profile or the core has a new version: run `make golden`."
    else:
        why = (
            "The same facts under the same profile give other warnings. A slip? Then mend it. "
            "Meant? Then raise CORE_VERSION in services/ews/core/version.py (or give the profile "
            "a new version) and run `make golden`."
        )
    shown = "\n".join(told[:_MOST_LINES])
    more = f"\n… and {len(told) - _MOST_LINES} more" if len(told) > _MOST_LINES else ""
    pytest.fail(f"{why} The diff of tests/golden/term.txt is part of the change.\n{shown}{more}")


def test_the_term_has_something_of_everything(kept: Term) -> None:
    """A term that warned of nothing would hold nothing to account."""
    families = {line.split()[1] for line in kept.episodes}
    assert families >= {"strofranvaro", "langvarig", "ogiltig_idag"}
    of_folds = [line.split() for line in kept.episodes if "ogiltig_idag" not in line]
    assert sum(row[-1] == "R" for row in of_folds) >= 10
    assert sum(row[3] == "-" for row in of_folds) >= 10
    assert sum(row[3] != "-" for row in of_folds) >= 50
    assert sum(line.count("@") >= 2 for line in kept.episodes) >= 20
    rules = {word for row in of_folds for word in row[5::2]}
    assert len(rules) >= 6
    assert int(kept.made_by["waves"].split()[1]) >= 5
    assert KEPT.stat().st_size < 300_000


def test_a_change_of_warnings_without_a_new_version_is_not_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = KEPT.with_name("term.txt")
    before = file.read_text("utf-8")
    kept = Term.read(before)
    changed = Term(kept.made_by, kept.episodes[1:])
    monkeypatch.setattr(command, "judge", lambda: changed)
    assert command.main() == 1
    assert "1 lines differ" in capsys.readouterr().out
    assert file.read_text("utf-8") == before
    monkeypatch.setattr(command, "judge", lambda: kept)
    assert command.main() == 0
    assert file.read_text("utf-8") == before
