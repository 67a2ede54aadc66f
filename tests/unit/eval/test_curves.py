"""Baselines and curves on hand-made pupils; a point is what the score says of its spells."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.eval.curves import Counts, Followed, follow, in_time, pooled
from bench.eval.foreign import Foreign
from bench.eval.registers import Registers
from bench.eval.rules import Evening, Rule, of_profile, rules, term_column
from bench.eval.score import NEVER_LEAD, Entry, score
from bench.eval.truth import PupilTerm, terms, year_of
from services.ews.core.profile import parse_profile
from tests.unit.ews.toml import profile, quiet, rule
from tests.unit.whatif.folders import days, school_day, write

SHARE = """
metric = "total"; measure = "share"; window = "term"; prior_share = 5; prior_minutes = 6000
resolve = { below = 8, school_days = 2 }
"""
PROFILE = parse_profile(
    profile(
        quiet("strofranvaro", 0),
        rule("strofranvaro", f'id = "andel"; threshold = 12; {SHARE}'),
        rule("strofranvaro", f'id = "hogre-andel"; level = 2; threshold = 20; {SHARE}'),
        rule(
            "strofranvaro",
            """
            id = "ogiltiga-minuter"; metric = "invalid"; measure = "minutes"
            window = { school_days = 10 }; threshold = 120; min_absence_days = 3
            resolve = { below = 60, school_days = 2 }
            """,
        ),
        rule(
            "strofranvaro",
            """
            id = "tillfallen"; metric = "total"; measure = "occasions"
            window = { school_days = 20 }; threshold = 5
            resolve = { below = 3, school_days = 2 }
            """,
        ),
    )
)
COUNT = 99
"""School days of autumn; the next one is 1 January."""
TRUTH: dict[str, tuple[range | list[int], dict[str, Any]]] = {
    # Positive from its fifteenth day away on; seven in a row from day 26.
    "run": (range(20, 45), {}),
    # Two of five days, from the first week: never seven in a row.
    "often": ([n for n in range(COUNT) if n % 5 in (0, 3)], {}),
    "never": ([], {}),
    "once": ([50, 51], {}),
    "pattern": (list(range(30, 60, 2)), {"kind": "weekday", "onset": school_day(30).isoformat()}),
}


def lines() -> list[dict[str, Any]]:
    return [one for pupil, (away, _) in TRUTH.items() for one in days(pupil, COUNT, away)]


def known() -> list[PupilTerm]:
    found = []
    for pupil, (away, more) in TRUTH.items():
        missed = {school_day(n).isoformat(): float(n in set(away)) for n in range(COUNT)}
        said = {"pupil": pupil, "unit": "norra", "kind": "low", "missed": missed} | more
        found += terms(year_of(said))
    return found


def followed(tmp_path: Path, some: list[Rule]) -> Followed:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    feed = Foreign(write(tmp_path / "facts", lines()), scratch)
    return follow(feed, some, known(), dict.fromkeys(TRUTH, "norra"))


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Followed:
    return followed(tmp_path_factory.mktemp("curves"), rules(PROFILE))


def raised(found: Followed, name: str, pupil: str) -> list[Any]:
    return [one.raised for one in found.spells[name].get(pupil, [])]


def test_seven_days_in_a_row_warn_on_the_seventh(found: Followed) -> None:
    assert raised(found, "seven_days", "run") == [school_day(26)]
    (spell,) = found.spells["seven_days"]["run"]
    assert spell.cleared == school_day(45)
    assert set(found.spells["seven_days"]) == {"run"}


def test_the_weekly_mail_looks_on_fridays_at_fourteen_days(found: Followed) -> None:
    assert raised(found, "weekly_10_percent", "run") == [school_day(24)]
    # Two days of ten are a fifth: on that Friday, and the next.
    (spell,) = found.spells["weekly_10_percent"]["once"]
    assert (spell.raised, spell.cleared) == (school_day(54), school_day(64))
    assert "never" not in found.spells["weekly_10_percent"]


def test_the_term_is_looked_at_when_the_month_is_over(found: Followed) -> None:
    assert [day.day for day in raised(found, "term_15_percent", "run")] == [30]
    assert [day.day for day in raised(found, "term_15_percent", "often")] == [31]
    assert "once" not in found.spells["term_15_percent"]


def test_a_decayed_share_halves_and_leans_on_its_own_school() -> None:
    dates = [school_day(n) for n in range(26)]
    tables = Registers([bytes([n]) * 16 for n in range(3)], dates)
    tables.reported[:] = 100
    tables.absent[0, 0] = tables.absent[2, 25] = 100
    (rule,) = (one for one in rules(PROFILE) if one.name == "decayed_25")
    look = Evening(tables, dates, dates[25], 26, 0, np.array([0, 0, 1]))
    weights = [0.5 ** ((25 - n) / 25) for n in range(26)]
    offered, prior = 100 * sum(weights), 2000
    # The first day weighs half; twenty days of the own school's mean are put beside it.
    school, other = 50 / (2 * offered), 100 / offered
    assert rule.value(look) == pytest.approx(
        [
            (50 + school * prior) / (offered + prior),
            school * prior / (offered + prior),
            (100 + other * prior) / (offered + prior),
        ]
    )


def test_invalid_minutes_count_where_they_fell_on_three_of_ten_days() -> None:
    dates = [school_day(n) for n in range(12)]
    tables = Registers([bytes([n]) * 16 for n in range(3)], dates)
    tables.invalid[0, [1, 5, 11]] = 50
    tables.invalid[1, [2, 5, 11]] = 50
    tables.invalid[2, [5, 11]] = 500
    (rule,) = (one for one in rules(PROFILE) if one.name == "ogiltiga-minuter")
    look = Evening(tables, dates, dates[11], 12, 0, np.zeros(3, np.int64))
    assert rule.value(look) == pytest.approx([0, 150, 0])


@pytest.mark.parametrize(
    "name", ["seven_days", "weekly_10_percent", "term_15_percent", "decayed_25"]
)
def test_a_point_is_what_the_score_says_of_its_spells(found: Followed, name: str) -> None:
    own = next(rule.own for rule in rules(PROFILE) if rule.name == name)
    assert own is not None
    point = found.curves[name][own]
    one = score(
        [Entry(term, found.spells[name].get(term.year.pupil, ())) for term in known()],
        families=("any",),
        run_families=("any",),
    )
    assert len(point.leads) == one.share_recall.count == 3
    assert point.hits / 3 == pytest.approx(one.share_recall.value)
    assert np.median(point.leads) == one.share_lead_days.value
    assert 100 * point.alarms / point.negatives == pytest.approx(one.share_false_alarms.value)
    assert in_time(point) / len(point.delays) == one.pattern_recall.value
    assert point.runs_found / point.runs == one.run_recall[7].value
    assert point.negatives == 2


def test_a_higher_threshold_never_warns_of_more(found: Followed) -> None:
    for by_threshold in found.curves.values():
        hits = [counts.hits for _, counts in sorted(by_threshold.items())]
        assert hits == sorted(hits, reverse=True)


def test_the_term_share_needs_more_where_little_is_reported(tmp_path: Path) -> None:
    rule = next(rule for rule in rules(PROFILE) if rule.name == "andel")
    point = followed(tmp_path, [rule]).curves["andel"][0.10]
    # 180 minutes a day: the first day of the run on which the shrunk share is a tenth.
    day = next(n for n in range(20, 45) if (180 * (n - 19) + 300) / (180 * (n + 1) + 6000) >= 0.10)
    crossing = next(term.crossing for term in known() if term.year.pupil == "run")
    assert crossing == 34
    assert crossing - day in point.leads


def test_a_pupil_that_no_register_names_is_never_warned_of(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    feed = Foreign(write(tmp_path / "facts", days("other", COUNT)), scratch)
    some = follow(feed, rules(PROFILE), known(), {}).curves["seven_days"][7]
    assert (some.hits, some.alarms, some.runs_found) == (0, 0, 0)
    assert (some.leads, some.negatives, some.runs) == ([NEVER_LEAD] * 3, 2, 1)


def test_a_warning_carried_into_spring_earns_no_lead(tmp_path: Path) -> None:
    # School day 98 is 31 December.
    away = range(80, 140)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    feed = Foreign(write(tmp_path / "facts", days("run", 200, away)), scratch)
    missed = {school_day(n).isoformat(): float(n in away) for n in range(200)}
    both = terms(year_of({"pupil": "run", "unit": "u", "kind": "low", "missed": missed}))
    assert len(both) == 2
    rule = Rule(
        "seven_days",
        "run",
        next(r.value for r in rules(PROFILE) if r.name == "seven_days"),
        (7,),
        7,
    )
    got = follow(feed, [rule], both, {})
    entries = [Entry(term, got.spells["seven_days"]["run"]) for term in both]
    one = score(entries, families=("any",), run_families=("any",))
    counts = got.curves["seven_days"][7]
    assert counts.leads[1] == 0
    assert counts.hits == one.share_recall.value * one.share_recall.count
    assert min(counts.leads) == counts.leads[1]


def test_years_add_up() -> None:
    one, other = Counts(terms=2, hits=1, leads=[3], alarms=1), Counts(terms=1, leads=[-5])
    (found,) = pooled([{"r": {1.0: one}}, {"r": {1.0: other}}])["r"].values()
    assert (found.terms, found.hits, found.leads, found.alarms) == (3, 1, [3, -5], 1)


def test_the_profiles_own_rules_are_followed_at_and_around_their_thresholds() -> None:
    found = {rule.name: rule for rule in of_profile(PROFILE)}
    # A second level is the same number; occasions are no sum of days.
    assert list(found) == ["andel", "ogiltiga-minuter"]
    assert 0.12 in found["andel"].thresholds
    assert found["ogiltiga-minuter"].thresholds == (30, 60, 90, 120, 150, 180, 240, 360)
    assert (found["andel"].kind, found["ogiltiga-minuter"].kind) == ("share", "pattern")


def test_a_term_begins_anew_in_january() -> None:
    dates = [school_day(n) for n in range(90, 110)]
    tables = Registers([b"p" * 16], dates)
    tables.reported[:] = 180
    tables.absent[0, :9] = 180
    (rule,) = (one for one in of_profile(PROFILE) if one.name == "andel")
    begins = term_column(dates, dates[15])
    assert dates[begins] == date(2027, 1, 1)
    zeros = np.zeros(1, np.int64)
    december = Evening(tables, dates, dates[8], 9, term_column(dates, dates[8]), zeros)
    january = Evening(tables, dates, dates[15], 16, begins, zeros)
    assert rule.value(december) == pytest.approx([(9 * 180 + 300) / (9 * 180 + 6000)])
    assert rule.value(january) == pytest.approx([300 / (7 * 180 + 6000)])
