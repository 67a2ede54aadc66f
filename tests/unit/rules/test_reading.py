"""A profile's file is read whole: all findings in order, and where its parts do not meet."""

from __future__ import annotations

import re

import pytest

from services.rules.reading import Finding, RefusedError, read_profile, remarks
from tests.trial import TRIAL

TEXT = TRIAL.decode()
NO_LADDER = TEXT[: TEXT.index("# The ladder:")]


def refused(text: str | bytes) -> tuple[Finding, ...]:
    with pytest.raises(RefusedError) as error:
        read_profile(text if isinstance(text, bytes) else text.encode())
    return error.value.findings


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def test_a_file_that_is_no_toml_is_told_once() -> None:
    [finding] = refused(TEXT.replace("[signals.langvarig]", "[signals.langvarig", 1))
    assert (finding.line, finding.field) == (line_of(TEXT, "[signals.langvarig]"), "file")
    [finding] = refused(b"\xff")
    assert (finding.line, finding.reason) == (0, "not UTF-8 at byte 0")
    assert str(finding) == "file: not UTF-8 at byte 0"


def test_both_parts_are_told_together_in_the_files_order() -> None:
    text = TEXT.replace("level = 2 }\ncase_state", "level = 22 }\ncase_state", 1)
    text = text.replace("threshold = 20", "threshold = 0", 1)
    text = text.replace('metric = "invalid"', 'metric = "total"', 1)
    findings = refused(text)
    assert [(one.line, one.field) for one in findings] == [
        (line_of(text, "threshold = 0"), "signals.langvarig.rules.threshold"),
        (line_of(text, 'measure = "minutes"'), "signals.ogiltig_idag.rules.measure"),
        (
            line_of(text, 'trigger = { family = "strofranvaro", level = 22'),
            "ladder.steps.trigger.level",
        ),
    ]
    assert str(findings[0]) == (
        f"line {findings[0].line}, signals.langvarig.rules.threshold: must be more than 0"
    )


def test_what_concerns_two_steps_names_the_line_of_the_later_one() -> None:
    text = TEXT.replace('id = "langvarig-kontakt"', 'id = "strofranvaro-kontakt"', 1)
    [finding] = refused(text)
    assert (
        finding.line
        == line_of(
            text, '[[ladder.steps]]\nid = "strofranvaro-kontakt"\ntrigger = { family = "langvarig"'
        )
        + 1
    )
    assert "'strofranvaro-kontakt' stands twice" in finding.reason
    text = TEXT.replace(
        "clock = { school_days = 2 }",
        'after = { step = "langvarig-utredning", counted_from = "done" }',
        1,
    )
    [finding] = refused(text)
    assert finding.line == line_of(text, 'id = "langvarig-kontakt"')
    assert "follows on 'langvarig-utredning'" in finding.reason


def test_a_ladder_of_the_wrong_kind_is_refused_without_a_line() -> None:
    [finding] = refused("ladder = 3\n" + NO_LADDER)
    assert (finding.line, finding.field) == (0, "ladder")
    [finding] = refused(NO_LADDER + "[ladder]\nsteps = 3\n")
    assert finding.field == "ladder.steps"
    [finding] = refused(NO_LADDER + "[ladder]\nstep = []\n")
    assert finding.field == "ladder.step"


def told(text: str) -> list[str]:
    return list(remarks(read_profile(text.encode())))


def test_nothing_to_remark() -> None:
    assert told(TEXT) == []


def test_without_a_ladder_the_defaults_hold() -> None:
    assert told(NO_LADDER) == ["there is no ladder, so the case service's own defaults hold"]


def test_without_the_same_day_family_nobody_is_told_the_same_day() -> None:
    text = re.sub(r"(?s)\[signals\.ogiltig_idag\].*(?=# The ladder)", "", TEXT)
    assert told(text) == [
        (
            "ogiltig_idag is not judged, so nobody is told the same day "
            "(skollagen 7 kap. 17 §, 15 kap. 16 §)"
        ),
        "ladder step ogiltig-samma-dag: the signals raise no warning of ogiltig_idag",
    ]


def test_a_level_that_no_step_takes_up() -> None:
    # Above the highest step a level is that step's; below the lowest it is nobody's.
    text = TEXT.replace(
        'trigger = { family = "langvarig", level = 1 }', 'trigger = { case_state = "open" }'
    )
    assert told(text) == ["no ladder step begins when langvarig reaches level 1"]
