"""The registry of what is kept: rows that cannot be used are refused; what is due is said right."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from services.common.retention import Cutoff, RegistryError, links, registry
from services.records.order import ordered

GROUP = '[groups.g]\ntitle = "G"\ndays = 60\ncounted = "c"\nground = "g"\n'


def read(tmp_path: Path, *rows: str) -> object:
    file = tmp_path / "retention.toml"
    file.write_text(GROUP + "".join(f"[[store]]\n{row}\n" for row in rows), "utf-8")
    return registry(file)


def row(name: str = "a.b", **more: str) -> str:
    fields = {"store": name, "kind": "table", "what": "w", "personal": "none", "group": "g"} | more
    return "\n".join(f'{key} = "{value}"' for key, value in fields.items())


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([row()], "neither a time"),
        ([row(kept="k"), row(kept="k")], "two rows"),
        ([row(kept="k", group="h")], "no group 'h'"),
        ([row(kept="k", colour="red")], "unknown field 'colour'"),
        ([row(parent="c.d")], "belong together"),
        ([row(parent="c.d", link="x")], "no store 'c.d'"),
        ([row(age="t.at", personal="surrogate")], "no way to find"),
    ],
)
def test_a_row_that_cannot_be_used_is_refused(tmp_path: Path, rows: list[str], said: str) -> None:
    with pytest.raises(RegistryError, match=said):
        read(tmp_path, *rows)


@pytest.mark.parametrize(
    ("today", "days", "first"),
    [
        # The school year 2026/27 ends with June; sixty days later is 29 August.
        (date(2027, 8, 29), 60, date(2026, 7, 1)),
        (date(2027, 8, 30), 60, date(2027, 7, 1)),
        (date(2027, 7, 1), 0, date(2027, 7, 1)),
        (date(2027, 6, 30), 0, date(2026, 7, 1)),
    ],
)
def test_a_school_year_is_due_when_its_period_after_the_end_has_passed(
    today: date, days: int, first: date
) -> None:
    cutoff = Cutoff.of(today, days)
    assert (cutoff.first_day, cutoff.school_year) == (first, first.year)


def test_what_belongs_to_a_group_without_decision_is_never_due() -> None:
    known = registry()
    for store in known.tables():
        assert known.due(store, {}) == "false"


def test_what_is_due_names_each_table_by_an_alias_of_its_own() -> None:
    known = registry()
    cutoffs = {"cases": Cutoff.of(date(2027, 9, 1), 1825)}
    found = known.due(known.stores["cases.episodes"], cutoffs)
    # An episode goes with its warning, which goes with its case: never by its own time.
    assert found.count("EXISTS") == 2
    assert "tp.thread_id = t.thread_id" in found
    assert "tpp.case_id = tp.case_id" in found
    assert "(tpp.closed_at) <" in found


def test_links_name_both_sides() -> None:
    known = registry()
    assert links(known.stores["cases.comments"]) == [("case_id", "case_id")]
    assert links(known.stores["ingest.ss12000_attendances"]) == [
        ("source_id", "source_id"),
        ("calendar_event", "id"),
    ]


def test_children_go_first_whatever_the_keys_say_besides() -> None:
    order = [one.store for one in ordered(registry(), [("notify.attempts", "notify.messages")])]
    assert order.index("notify.attempts") < order.index("notify.messages")
    assert order.index("people.guardian_relations") < order.index("people.guardians")
    assert len(order) == len(list(registry().tables()))
