"""Forms: every entry's model becomes questions, and answers become what the model reads."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from starlette.datastructures import FormData, UploadFile

from services.cases.catalogue import CHOICES, CLASS, OFFERS, PUPIL
from services.cases.domain.entries.base import MAX_TEXT, Kind
from services.cases.domain.entries.registry import KINDS, label, parse
from services.cases.domain.law.table import STEPS
from services.cases.domain.merging import changed, differences
from services.cases.web import forms
from services.common.problem import Problem

ALL = sorted(KINDS)


@pytest.mark.parametrize("name", ALL)
def test_every_field_has_a_swedish_name_and_every_choice_its_words(name: str) -> None:
    kind = KINDS[name]
    for field, info in kind.model.model_fields.items():
        if field in kind.computed:
            continue
        assert info.title, f"{name}.{field}"
        extra = info.json_schema_extra
        words = extra.get("words") if isinstance(extra, dict) else None
        found = _literals(info.annotation)
        if found and words:
            assert isinstance(words, dict)
            assert set(found) - {""} == set(words), f"{name}.{field}"


def _literals(annotation: Any) -> list[str]:
    """Every value that a choice may have, however it is wrapped."""
    inner = [one for one in get_args(annotation) if one is not Ellipsis]
    if inner and all(isinstance(one, str) for one in inner):
        return list(inner)
    return [value for one in inner for value in _literals(one)]


@pytest.mark.parametrize("step", [step for step in STEPS if not step.hidden], ids=lambda s: s.name)
def test_a_steps_form_asks_for_what_its_status_needs(step: Any) -> None:
    kind = KINDS[step.kind]
    asked = {field.name for field in forms.fields_of(kind, step.fields, step.to)}
    needed = set(kind.needed.get(step.to, ()))
    if step.means == "create":
        assert needed <= asked, step.name
        required = {n for n, info in kind.model.model_fields.items() if info.is_required()}
        assert required - set(kind.computed) <= asked, step.name
    assert not asked & set(kind.computed)


def form(**answers: Any) -> FormData:
    pairs: list[tuple[str, str | UploadFile]] = []
    for name, value in answers.items():
        pairs += [(name, one) for one in (value if isinstance(value, list) else [value])]
    return FormData(pairs)


def contact() -> tuple[Kind, list[forms.FormField]]:
    return KINDS["contact"], forms.fields_of(KINDS["contact"], (), "done")


def test_what_is_answered_is_read_and_what_is_not_is_left_out() -> None:
    kind, fields = contact()
    raw = forms.read(
        form(on="2026-11-24", with_whom=["pupil", "guardian"], way="phone", what="Ett\r\ntvå"),
        fields,
    )
    assert raw["with_whom"] == ["pupil", "guardian"]
    assert raw["what"] == "Ett\ntvå"
    assert raw["reached"] is False
    assert raw["next_on"] is None
    body = parse(kind, "done", raw)
    assert body.model_dump(mode="json")["with_whom"] == ["pupil", "guardian"]


@pytest.mark.parametrize(
    ("typed", "read"), [("6,5", 6.5), ("6.5", 6.5), ("4", 4), (" 4,0 ", 4), ("många", "många")]
)
def test_numbers_are_read_as_people_write_them(typed: str, read: object) -> None:
    fields = forms.fields_of(KINDS["csn_report"], ("hours",), "reported")
    assert forms.read(form(hours=typed), fields) == {"hours": read}


def test_a_kartlaggning_keeps_the_colours_and_the_notes() -> None:
    fields = forms.fields_of(KINDS["class_assessment"], ("answers",), "done")
    raw = forms.read(form(**{"colour:a-vuxna": "red", "note:a-vuxna": "Vikarier"}), fields)
    assert raw == {"answers": [{"statement": "a-vuxna", "colour": "red", "note": "Vikarier"}]}


@pytest.mark.parametrize(
    ("raw", "field", "said"),
    [
        ({"on": "i går"}, "/on", "Datum: skriv datumet som 2026-11-24."),
        ({"with_whom": []}, "/with_whom", "Välj minst ett: Med vem."),
        ({"way": "brevduva"}, "/way", "Välj ett av alternativen: Hur."),
        ({"what": "x" * (MAX_TEXT + 1)}, "/what", "Vad som sades: texten är för lång"),
        ({"what": ""}, "/what", "Fyll i vad som sades."),
        ({"skola": "Ek"}, "/skola", "Skola hör inte hit."),
    ],
)
def test_what_is_wrong_is_told_in_swedish_at_its_field(
    raw: dict[str, Any], field: str, said: str
) -> None:
    good = {"on": "2026-11-24", "with_whom": ["pupil"], "way": "phone", "what": "Hej"}
    with pytest.raises(Problem) as found:
        parse(KINDS["contact"], "done", good | raw)
    (error,) = found.value.extra["errors"]
    assert error["field"].startswith(field)
    assert error["detail"].startswith(said)


def test_a_merge_begins_with_ones_own_and_otherwise_the_others() -> None:
    kind = KINDS["pupil_voice"]
    was, now, yours = (
        parse(kind, "done", {"on": "2026-11-24", "own_words": words, "wants": wants})
        for words, wants in (("a", "x"), ("b", "y"), ("c", "x"))
    )
    found = {one.field: one for one in differences(kind, was, now, yours)}
    assert set(found) == {"own_words", "wants"}
    assert (found["own_words"].clash, found["own_words"].suggested) == (True, "c")
    assert (found["wants"].clash, found["wants"].suggested) == (False, "y")
    # The same change by both is none to decide about.
    assert not any(one.clash for one in differences(kind, was, now, now))
    assert changed(kind, was, now) == [label(kind, "own_words"), label(kind, "wants")]


def test_the_texts_are_whole() -> None:
    """Keys are given once; what is asked first exists in each dimension."""
    for template in (CLASS, PUPIL):
        keys = [one.key for one in template.statements()]
        assert len(set(keys)) == len(keys)
        for dimension in template.dimensions:
            assert any(one.bold for one in dimension.statements) or template is CLASS
    assert len(PUPIL.dimensions) == 4
    assert len(CHOICES["strengths"]) == 23
    assert {offer.tier for offer in OFFERS.values()} == {"universal", "group", "individual"}
    assert {offer.purpose for offer in OFFERS.values()} == {"promote", "prevent", "remedy"}
    assert len(OFFERS["forstarkt-mentorskap"].checklist) == 7
