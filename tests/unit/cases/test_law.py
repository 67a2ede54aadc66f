"""The law's table: every lawful step is allowed, every unlawful one refused with its paragraph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.cases.domain import text
from services.cases.domain.chain import TRACKS, Chain, Fact, Track
from services.cases.domain.duty_kinds import DUTY_KINDS
from services.cases.domain.entries.registry import KINDS, parse
from services.cases.domain.law.judging import judge, paragraph_of
from services.cases.domain.law.step import Allowed, Asked, Refused, Step
from services.cases.domain.law.table import BY_NAME, PHASES, STEPS
from tests.unit.cases import lawful_coordination

TODAY = date(2026, 11, 24)
FORMS: dict[Track, str] = {"compulsory": "GR", "upper_secondary": "GY"}
INVESTIGATION, PLAN, INTERVENTION, CONCERN, SUPPORT, CSN = (UUID(int=n) for n in range(1, 7))


def fact(
    kind: str, status: str, *tags: str, entry_id: UUID | None = None, parent: UUID | None = None
) -> Fact:
    return Fact(entry_id or uuid4(), kind, status, parent, TODAY, frozenset(tags))


OPEN = fact("investigation", "open", entry_id=INVESTIGATION)
FINISHED = replace(OPEN, status="finished")
SAMRAD = tuple(
    fact("consultation", "done", party, parent=INVESTIGATION)
    for party in ("pupil", "guardian", "student_health")
)
REPORTED = fact("report_to_organiser", "sent", "opened", parent=INVESTIGATION)
ACTIVE = fact("plan", "active", "pupil", entry_id=PLAN)
MAPPED = fact("pupil_assessment", "done")
VOICE = fact("pupil_voice", "done")


def insats(status: str) -> Fact:
    return fact("intervention", status, entry_id=INTERVENTION, parent=PLAN)


def concern(status: str) -> Fact:
    return fact("concern_report", status, entry_id=CONCERN)


def chain(track: Track = "compulsory", *facts: Fact, **changes: Any) -> Chain:
    held = Chain(
        today=TODAY,
        school_form=FORMS[track],
        state="acknowledged",
        level=1,
        attention=None,
        age=13 if track == "compulsory" else 17,
        independent=True,
        municipality="",
        facts=facts,
    )
    return replace(held, **changes)


DAY = TODAY.isoformat()
INSATS = {
    "what": "Möte vid grinden varje morgon",
    "why": "Eleven säger att det är svårt att komma in",
    "approaches": ["pupil"],
    "who": "Maja Mentorsson",
    "starts_on": DAY,
    "tier": "individual",
    "purpose": "remedy",
}
UTREDNING = {"opened_on": DAY, "lead": "Rolf Rektorsson"}
ORO = {"worried_on": DAY, "grounds": "Eleven kom utan ytterkläder i tio minusgrader."}

#: For each step a body, the facts before it, and what it moves on or hangs on.
LAWFUL: dict[str, tuple[Mapping[str, Any], tuple[Fact, ...], UUID | None]] = {
    "decide_change": ({"decision": "keep"}, (), None),
    "contact": (
        {"on": DAY, "with_whom": ["guardian"], "way": "phone", "what": "Vi talade."},
        (),
        None,
    ),
    "pupil_voice": ({"on": DAY, "own_words": "Det är för högt i matsalen."}, (), None),
    "guardian_voice": ({"on": DAY, "who": "Vera", "own_words": "Hen sover dåligt."}, (), None),
    "assess_class": (
        {
            "on": DAY,
            "term": "autumn",
            "round": "first",
            "answers": [{"statement": "a", "colour": "red"}],
        },
        (),
        None,
    ),
    "assess_pupil": ({"on": DAY, "answers": [{"statement": "a", "colour": "green"}]}, (), None),
    "open_investigation": (UTREDNING, (), None),
    "waive_investigation": (
        {"waived_on": DAY, "waiver": "explained", "waiver_note": "Bruten arm, plan finns."},
        (),
        None,
    ),
    "register_certificate": (
        {"issued_on": DAY, "received_on": DAY, "kept": "Elevhälsans journal"},
        (),
        None,
    ),
    "consult": (
        {"on": DAY, "party": "pupil", "who": "Alva", "what": "Vill byta grupp."},
        (OPEN,),
        INVESTIGATION,
    ),
    "finish_investigation": (
        UTREDNING | {"finished_on": DAY, "conclusions": ["group"], "result": "Otrygg på rasterna."},
        (OPEN, *SAMRAD),
        INVESTIGATION,
    ),
    "open_support_investigation": ({"opened_on": DAY, "why": "Når inte målen."}, (), None),
    "finish_support_investigation": (
        {"opened_on": DAY, "finished_on": DAY, "outcome": "programme", "result": "Behöver stöd."},
        (fact("support_investigation", "open", entry_id=SUPPORT),),
        SUPPORT,
    ),
    "report_to_organiser": ({"on": DAY}, (OPEN,), INVESTIGATION),
    "report_result": ({"on": DAY}, (FINISHED, REPORTED), INVESTIGATION),
    "notify_home_municipality": (
        {"on": DAY, "municipality": "0380", "ground": "started", "since": DAY},
        (),
        None,
    ),
    "report_csn": (
        {
            "on": DAY,
            "hours": 6,
            "occasions": 3,
            "first_day": (TODAY - timedelta(days=30)).isoformat(),
            "code": "51",
        },
        (),
        None,
    ),
    "refrain_csn": ({"on": DAY, "refrained": "Eleven är utsatt för mobbning."}, (), None),
    "resume_csn": (
        {"on": DAY, "resumed_on": DAY},
        (fact("csn_report", "reported", entry_id=CSN),),
        CSN,
    ),
    "notify_kaa": (
        {"on": DAY, "municipality": "0380", "ground": "ended", "since": DAY},
        (),
        None,
    ),
    "raise_concern": (ORO, (), None),
    "report_concern": (
        ORO | {"made_on": DAY, "way": "phone", "office": "Mottagningen"},
        (concern("intended"),),
        CONCERN,
    ),
    "record_assessment": (ORO | {"assessed_on": DAY}, (concern("made"),), CONCERN),
    "answer_concern": (
        ORO | {"answered_on": DAY, "answer": "opened"},
        (concern("assessed"),),
        CONCERN,
    ),
    "make_plan": (
        {"level": "pupil", "starts_on": DAY, "area": "Trygga morgnar", "purposes": ["remedy"]},
        (MAPPED,),
        None,
    ),
    "next_area": (
        {
            "level": "pupil",
            "starts_on": DAY,
            "purposes": ["remedy"],
            "area": "Rasterna",
            "earlier": "Trygga morgnar",
        },
        (ACTIVE,),
        PLAN,
    ),
    "end_plan": (
        {
            "level": "pupil",
            "starts_on": DAY,
            "purposes": ["remedy"],
            "ended_on": DAY,
            "outcome": "Kommer varje dag.",
        },
        (ACTIVE, insats("ended")),
        PLAN,
    ),
    "agree_intervention": (INSATS, (ACTIVE, VOICE), PLAN),
    "start_intervention": (
        INSATS | {"started_on": DAY},
        (ACTIVE, insats("agreed")),
        INTERVENTION,
    ),
    "adjust_intervention": (
        INSATS | {"adjusted": "Mötet flyttas till bussen."},
        (ACTIVE, insats("followed_up")),
        INTERVENTION,
    ),
    "end_intervention": (
        INSATS | {"ended_on": DAY, "led_to": "Eleven går in själv."},
        (ACTIVE, insats("started")),
        INTERVENTION,
    ),
    **lawful_coordination.LAWFUL,
}
CHANGES: dict[str, dict[str, Any]] = {
    "decide_change": {"attention": "withdrawn"},
    # The law asks upper secondary schools for no anmälan; there it is the huvudman's own wish.
    "report_to_organiser": {"report_on_upper": True},
    "report_result": {"report_on_upper": True},
}


def lawful(step: Step, track: Track, **changes: Any) -> tuple[Chain, Asked]:
    body, facts, target = LAWFUL[step.name]
    found = chain(track, *facts, **(CHANGES.get(step.name, {}) | changes))
    return found, Asked(parse(KINDS[step.kind], step.to, body), found.find(target))


def pairs() -> list[tuple[Step, Track]]:
    return [(step, track) for step in STEPS for track in step.paragraphs]


def named(value: object) -> str | None:
    return value.name if isinstance(value, Step) else None


def test_every_step_is_tried_here() -> None:
    assert set(LAWFUL) == set(BY_NAME)


@pytest.mark.parametrize(("step", "track"), pairs(), ids=named)
def test_a_lawful_step_is_allowed_to_each_role_that_may_and_to_no_other(
    step: Step, track: Track
) -> None:
    held, asked = lawful(step, track)
    for role in text.ROLES:
        for question in (None, asked):
            verdict = judge(held, step, {role}, question)
            if role in step.roles:
                assert verdict == Allowed(step.paragraphs[track])
            else:
                assert isinstance(verdict, Refused)
                assert (verdict.because, verdict.paragraph) == ("role", step.paragraphs[track])
                assert text.ROLES[min(step.roles)] in verdict.sentence


@pytest.mark.parametrize("step", STEPS, ids=named)
def test_a_track_without_the_step_refuses_it_by_the_paragraph(step: Step) -> None:
    for track in set(FORMS) - set(step.paragraphs):
        body, facts, target = LAWFUL[step.name]
        held = chain(track, *facts)
        asked = Asked(parse(KINDS[step.kind], step.to, body), held.find(target))
        verdict = judge(held, step, step.roles, asked)
        assert verdict == Refused(step.elsewhere_paragraph, step.elsewhere, "track")
        assert verdict.sentence


@pytest.mark.parametrize(("step", "track"), pairs(), ids=named)
def test_a_closed_case_takes_only_what_must_never_wait_or_is_due_there(
    step: Step, track: Track
) -> None:
    held, asked = lawful(step, track, state="closed")
    verdict = judge(held, step, step.roles, asked)
    if step.closed_too:
        assert isinstance(verdict, Allowed)
    else:
        assert isinstance(verdict, Refused)
        assert (verdict.because, verdict.paragraph) == ("state", step.paragraphs[track])
    assert BY_NAME["raise_concern"].closed_too


@pytest.mark.parametrize(("step", "track"), pairs(), ids=named)
def test_a_step_without_what_it_moves_on_or_hangs_on_is_refused(step: Step, track: Track) -> None:
    if LAWFUL[step.name][2] is None:
        return
    held, asked = lawful(step, track)
    for wrong in (None, fact("contact", "done"), fact(KINDS[step.kind].name, "nowhere")):
        verdict = judge(held, step, step.roles, replace(asked, target=wrong))
        assert isinstance(verdict, Refused)
        assert (verdict.need, verdict.sentence) == ("target", step.needs_target)
        assert step.needs_target
    bare = judge(chain(track, **CHANGES.get(step.name, {})), step, step.roles, None)
    assert isinstance(bare, Refused)
    assert bare.paragraph == step.paragraphs[track]


LAST_YEARS = (TODAY - timedelta(days=29)).isoformat()
ABSENT_20 = (TODAY - timedelta(days=20)).isoformat()
#: (step, need) -> how to break just that need: track, body, facts, other circumstances.
BROKEN: dict[
    tuple[str, str], tuple[Track, Mapping[str, Any], tuple[Fact, ...] | None, dict[str, Any]]
] = {
    ("decide_change", "changed"): ("compulsory", {}, None, {"attention": None}),
    ("decide_change", "motivated"): ("compulsory", {"decision": "correct"}, None, {}),
    ("decide_change", "nothing_left"): (
        "compulsory",
        {"decision": "close", "note": "Rättat."},
        None,
        {},
    ),
    ("pupil_voice", "own_words"): ("compulsory", {"own_words": ""}, None, {}),
    ("guardian_voice", "own_words"): ("compulsory", {"own_words": ""}, None, {}),
    ("open_investigation", "none_open"): ("upper_secondary", {}, (OPEN,), {}),
    ("waive_investigation", "none_open"): ("compulsory", {}, (OPEN,), {}),
    ("waive_investigation", "certified"): ("compulsory", {"waiver": "certificate"}, None, {}),
    ("register_certificate", "received"): (
        "compulsory",
        {"received_on": (TODAY + timedelta(days=1)).isoformat()},
        None,
        {},
    ),
    ("finish_investigation", "consulted"): ("compulsory", {}, (OPEN, *SAMRAD[:2]), {}),
    ("open_support_investigation", "no_support_open"): (
        "compulsory",
        {},
        (fact("support_investigation", "open"),),
        {},
    ),
    ("report_to_organiser", "asked_for"): (
        "upper_secondary",
        {},
        None,
        {"report_on_upper": False},
    ),
    ("report_to_organiser", "not_reported"): ("compulsory", {}, (OPEN, REPORTED), {}),
    ("report_result", "asked_for"): ("upper_secondary", {}, None, {"report_on_upper": False}),
    ("report_result", "result_pending"): ("compulsory", {}, (FINISHED,), {}),
    ("notify_home_municipality", "elsewhere"): (
        "compulsory",
        {},
        None,
        {"independent": False, "municipality": "0380"},
    ),
    ("notify_home_municipality", "under_20"): ("upper_secondary", {}, None, {"age": 20}),
    ("notify_home_municipality", "ground"): (
        "compulsory",
        {"ground": "unexcused"},
        None,
        {},
    ),
    ("report_csn", "csn_hours"): ("upper_secondary", {"hours": 3.9}, None, {}),
    ("report_csn", "csn_repeated"): ("upper_secondary", {"occasions": 1}, None, {}),
    ("report_csn", "csn_days"): ("upper_secondary", {"first_day": LAST_YEARS}, None, {}),
    ("notify_kaa", "under_20"): ("upper_secondary", {}, None, {"age": 20}),
    ("notify_kaa", "begun"): (
        "upper_secondary",
        {"since": (TODAY + timedelta(days=1)).isoformat()},
        None,
        {},
    ),
    ("make_plan", "assessed"): ("compulsory", {}, (), {}),
    ("make_plan", "one_plan"): ("compulsory", {}, (MAPPED, ACTIVE), {}),
    ("next_area", "another_area"): ("compulsory", {"area": "Trygga morgnar"}, None, {}),
    ("end_plan", "interventions_ended"): ("compulsory", {}, (ACTIVE, insats("started")), {}),
    ("agree_intervention", "heard"): ("compulsory", {}, (ACTIVE,), {}),
    **lawful_coordination.BROKEN,
}


def test_every_need_of_the_table_is_broken_here() -> None:
    assert set(BROKEN) == {(step.name, need.name) for step in STEPS for need in step.needs}


@pytest.mark.parametrize(("name", "need"), sorted(BROKEN))
def test_a_missing_need_is_refused_by_its_paragraph(name: str, need: str) -> None:
    step = BY_NAME[name]
    track, more, facts, changes = BROKEN[name, need]
    body, before, target = LAWFUL[name]
    held = chain(track, *(before if facts is None else facts), **(CHANGES.get(name, {}) | changes))
    asked = Asked(parse(KINDS[step.kind], step.to, {**body, **more}), held.find(target))
    verdict = judge(held, step, step.roles, asked)
    assert isinstance(verdict, Refused)
    assert (verdict.because, verdict.need) == ("need", need)
    held_need = next(one for one in step.needs if one.name == need)
    assert verdict.paragraph == (held_need.paragraph or step.paragraphs[track])
    assert verdict.sentence == held_need.sentence


@pytest.mark.parametrize(
    ("name", "more", "facts", "changes"),
    [
        # A reason stands in for what is missing.
        (
            "finish_investigation",
            {"no_student_health": "Skolan saknar elevhälsa just nu."},
            (OPEN, *SAMRAD[:2]),
            {},
        ),
        ("make_plan", {"no_assessment": "Eleven började i går."}, (), {}),
        ("agree_intervention", {"no_voice": "Eleven vill inte prata än."}, (ACTIVE,), {}),
        ("pupil_voice", {"own_words": "", "declined": True}, (), {}),
        (
            "waive_investigation",
            {"waiver": "certificate"},
            (fact("certificate", "registered"),),
            {},
        ),
        ("decide_change", {"decision": "close", "note": "Rättat."}, (), {"level": 0}),
        # A class's kartläggning is ground for a plan for the class.
        ("make_plan", {"level": "group"}, (fact("class_assessment", "done"),), {}),
        # One plan a level, and a plan that has ended stands in no one's way.
        ("make_plan", {"level": "group"}, (MAPPED, ACTIVE), {}),
        ("make_plan", {}, (MAPPED, replace(ACTIVE, status="ended")), {}),
        # An insats for the whole class asks no single pupil first.
        ("agree_intervention", {"tier": "universal"}, (ACTIVE,), {}),
        # Municipal huvudman, pupil from elsewhere.
        (
            "notify_home_municipality",
            {"ground": "investigation"},
            (OPEN,),
            {"independent": False, "municipality": "0180"},
        ),
        *lawful_coordination.STANDS_IN,
    ],
)
def test_what_stands_in_for_a_need(
    name: str, more: Mapping[str, Any], facts: tuple[Fact, ...], changes: dict[str, Any]
) -> None:
    step = BY_NAME[name]
    body, _, target = LAWFUL[name]
    held = chain("compulsory", *facts, **(CHANGES.get(name, {}) | changes))
    asked = Asked(parse(KINDS[step.kind], step.to, {**body, **more}), held.find(target))
    assert isinstance(judge(held, step, step.roles, asked), Allowed)


@pytest.mark.parametrize(
    ("days", "exception", "lawful"),
    [
        (30, "", True),
        (29, "", False),
        (29, "Slutar i morgon.", True),
        (15, "Slutar.", True),
        (14, "Slutar.", False),
    ],
)
def test_csn_thirty_days_and_fifteen_by_exception(days: int, exception: str, lawful: bool) -> None:
    step = BY_NAME["report_csn"]
    body = {
        **LAWFUL["report_csn"][0],
        "first_day": (TODAY - timedelta(days=days)).isoformat(),
        "exception": exception,
    }
    verdict = judge(
        chain("upper_secondary"), step, step.roles, Asked(parse(KINDS[step.kind], step.to, body))
    )
    assert isinstance(verdict, Allowed) is lawful


def test_upper_secondary_school_has_no_samrad_clause() -> None:
    """15 kap. 16 § asks for an utredning, and for none of 7 kap. 19 a §'s samråd."""
    step = BY_NAME["finish_investigation"]
    body, _, _ = LAWFUL[step.name]
    held = chain("upper_secondary", OPEN)
    asked = Asked(parse(KINDS[step.kind], step.to, body), OPEN)
    assert judge(held, step, step.roles, asked) == Allowed("skollagen 15 kap. 16 §")


@pytest.mark.parametrize(("form", "track"), sorted(TRACKS.items()))
def test_the_school_form_decides_the_track(form: str, track: Track) -> None:
    held = replace(chain(), school_form=form)
    assert held.track == track
    paragraph = paragraph_of(BY_NAME["open_investigation"], held)
    if form == "GYS":
        assert paragraph == "skollagen 18 kap. 16 §"
    elif track == "upper_secondary":
        assert paragraph == "skollagen 15 kap. 16 §"
    else:
        assert paragraph == "skollagen 7 kap. 19 a §"


def test_where_nobody_knows_the_school_form_only_what_all_forms_share_goes_on() -> None:
    held = replace(chain(), school_form=None)
    body, _, _ = LAWFUL["raise_concern"]
    step = BY_NAME["raise_concern"]
    asked = Asked(parse(KINDS[step.kind], step.to, body))
    assert isinstance(judge(held, step, step.roles, asked), Allowed)
    csn = judge(held, BY_NAME["report_csn"], {"principal"}, None)
    assert isinstance(csn, Refused)
    assert csn.because == "track"


def test_the_table_is_whole() -> None:
    """Statuses, fields and duties are ones of the registries; paragraphs are of the right law."""
    assert len(BY_NAME) == len(STEPS)
    for step in STEPS:
        kind = KINDS[step.kind]
        assert step.to in kind.statuses, step.name
        assert step.phase in PHASES
        assert set(step.fields) <= set(kind.model.model_fields), step.name
        assert {*step.starts, *step.ends} <= set(DUTY_KINDS), step.name
        assert bool(step.elsewhere) is (len(step.paragraphs) < 2), step.name
        if step.means == "move":
            assert set(step.of) <= set(kind.statuses), step.name
        elif step.on:
            assert set(step.of) <= set(KINDS[step.on].statuses), step.name
        for paragraph in [*step.paragraphs.values(), step.elsewhere_paragraph]:
            assert "7 kap. 19 §" not in paragraph  # befrielse, not utredning
            assert "14 kap. 1 §" not in paragraph  # the repealed socialtjänstlag's number


def test_every_status_of_every_kind_is_reached_by_a_step() -> None:
    reached = {(step.kind, step.to) for step in STEPS}
    # What the receiver says; and what uppföljning does.
    by_others = {
        ("report_to_organiser", "received"),
        ("report_to_organiser", "filed"),
        ("intervention", "followed_up"),
        ("coordination_request", "accepted"),
        ("coordination", "ended"),
    }
    for kind in KINDS.values():
        for status in kind.statuses:
            assert (kind.name, status) in reached | by_others, (kind.name, status)
