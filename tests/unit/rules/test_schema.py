"""The published JSON Schema is current, takes what ships, and refuses no more than the reader."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from deploy.commands.rules import SHIPPED
from deploy.published import GUIDE, SCHEMA, main, wanted
from services.common.profiles import After, Clock, Step, Trigger
from services.ews.core.profile import RULE_KEYS, Measure
from services.rules.keys import RULE
from services.rules.reading import RefusedError, read_profile, remarks
from tests.trial import TRIAL

FILES = sorted(SHIPPED.glob("*.toml"))
VALIDATOR = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text("utf-8")))
[EXAMPLE] = re.findall(r"(?ms)^```toml\n(.*?)^```", GUIDE.read_text("utf-8"))
DANDERYD = (SHIPPED / "danderyd.toml").read_text("utf-8")


def problems(text: str) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(tomllib.loads(text))]


def is_read(text: str) -> bool:
    try:
        read_profile(text.encode())
    except RefusedError:
        return False
    return True


def test_what_is_published_is_current() -> None:
    assert {file: file.read_text("utf-8") for file in wanted()} == wanted()
    assert main(["--check"]) == 0


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(VALIDATOR.schema)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_shipped_profile_is_valid(file: Path) -> None:
    assert problems(file.read_text("utf-8")) == []


BROKEN = {
    "no version": ("version = 1\n", ""),
    "an id in capitals": ('id = "danderyd"', 'id = "Danderyd"'),
    "a misspelt metric": ('metric = "valid"', 'metric = "giltig"'),
    "an unknown measure": ('measure = "share"', 'measure = "procent"'),
    "a misspelt key": ("min_reporting_rate", "min_rapporteringsgrad"),
    "an unknown window": ("window = { school_days = 10 }", "window = { weeks = 2 }"),
    "no window": ("window = { school_days = 15 }\n", ""),
    "a window of none": ("window = { school_days = 15 }", "window = { school_days = 0 }"),
    "a comparator in words": ('comparator = ">="', 'comparator = "minst"'),
    "a threshold in words": ("threshold = 15", 'threshold = "15 %"'),
    "no threshold": ("threshold = 15\n", ""),
    "a threshold of nothing": ("threshold = 15", "threshold = 0"),
    "level 10": ("level = 2", "level = 10"),
    "no resolve": ("resolve = { below = 15, school_days = 1 }\n", ""),
    "a resolve without days": ("{ below = 15, school_days = 1 }", "{ below = 15 }"),
    "a rate over 100": ("min_reporting_rate = 50", "min_reporting_rate = 101"),
    "a blank source": ('source = "skollagen 7 kap. 17 §"', 'source = " "'),
    "an unknown family": ("[signals.ogiltig_idag]\n", "[signals.skolk]\n"),
    "a same-day rule about all absence": ('metric = "invalid"', 'metric = "total"'),
    "a same-day rule with a window": (
        'metric = "invalid"\n',
        'metric = "invalid"\nwindow = "term"\n',
    ),
    "an unknown part": ("[profile]", "[notes]\n[profile]"),
    "an owner in Swedish": ('owner = "principal"', 'owner = "rektor"'),
    "nobody told": ('recipients = ["mentor"]', "recipients = []"),
    "two clocks": ("clock = { calendar_days = 14 }", "clock = { months = 1, school_days = 2 }"),
    "an empty clock": ("clock = { calendar_days = 14 }", "clock = {}"),
    "a trigger of both kinds": (
        'trigger = { family = "ogiltig_idag", level = 1 }',
        'trigger = { family = "ogiltig_idag", case_state = "open" }',
    ),
    "a level without family": (
        'trigger = { family = "ogiltig_idag", level = 1 }',
        'trigger = { case_state = "open", level = 1 }',
    ),
    "no trigger": ('trigger = { family = "ogiltig_idag", level = 1 }\n', ""),
    "counted from somewhere": ('counted_from = "begun"', 'counted_from = "start"'),
    "an unknown state": ('case_state = "assessment"', 'case_state = "kartläggning"'),
    "a window within something": (
        "window = { school_days = 15 }",
        'window = { school_days = 15, within = "school_year" }',
    ),
    "half a prior": ("threshold = 15\n", "threshold = 15\nprior_share = 6\n"),
    "a run with a window": ('measure = "occasions"', 'measure = "run_days"'),
}


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN)
def test_what_the_schema_refuses_the_reader_refuses_too(change: tuple[str, str]) -> None:
    assert change[0] in DANDERYD
    text = DANDERYD.replace(*change, 1)
    assert problems(text)
    assert not is_read(text)


EVERY_KIND = f"""
{EXAMPLE}
[[ladder.steps]]
id = "uppfoljning"
trigger = {{ case_state = "assessment" }}
after = {{ step = "kontakt", counted_from = "done", wait = {{ months = 1 }} }}
case_state = "follow_up"
owner = "principal"
repeat = {{ working_days = 5 }}
recipients = ["principal"]
source = "beslut"

[signals.langvarig]

[[signals.langvarig.rules]]
id = "fem-dagar"
level = 1
metric = "total"
measure = "run_days"
comparator = ">="
threshold = 5
resolve = {{ below = 1, school_days = 5 }}
source = "beslut"
"""
VALUES = ("0", "1", "-1", "2.5", '""', '"term"', '">"', "true", "[]", "{}", "{ school_days = 3 }")


def _changed(text: str) -> Iterator[str]:
    """The text with one line after the other left out, renamed, or holding something else.

    And with each key of a rule added where it may not stand.
    """
    lines = text.splitlines()
    for at, line in enumerate(lines):
        key, equals, value = line.partition(" = ")
        if equals:
            for new in ("", f"{key}x = {value}", *(f"{key} = {other}" for other in VALUES)):
                yield "\n".join([*lines[:at], new, *lines[at + 1 :]])
        if line.startswith("[[signals"):
            for one in RULE:
                for value in VALUES:
                    yield "\n".join([*lines[: at + 1], f"{one.name} = {value}", *lines[at + 1 :]])


def test_whatever_is_changed_the_schema_refuses_no_more_than_the_reader() -> None:
    assert problems(EVERY_KIND) == []
    assert is_read(EVERY_KIND)
    refused = 0
    for changed in _changed(EVERY_KIND):
        try:
            data = tomllib.loads(changed)
        except tomllib.TOMLDecodeError:  # the key stands there already
            continue
        if not VALIDATOR.is_valid(data):
            refused += 1
            assert not is_read(changed), changed
    assert refused > 400


def test_every_key_that_the_reader_knows_is_documented() -> None:
    assert {key.name for key in RULE} == RULE_KEYS
    guide = GUIDE.read_text("utf-8")
    for model in (Step, Trigger, After, Clock):
        for field in model.model_fields:
            assert re.search(rf"\b{field}\b", guide.partition("## `[[ladder.steps]]`")[2]), field
    for measure in Measure:
        assert f"| `{measure.value}` |" in guide


def test_the_guides_example_can_be_used() -> None:
    assert problems(EXAMPLE) == []
    profile = read_profile(EXAMPLE.encode())
    assert profile.signals.profile_id == "testkoping"
    assert list(remarks(profile)) == []


def test_every_default_is_the_readers() -> None:
    def read(text: str) -> Any:
        return read_profile(text.encode()).signals.families

    text = TRIAL.decode()
    bare = re.sub(r"(?m)^(min_\w+|quiet_school_days) = .*\n", "", text)
    spelt = bare.replace(
        'comparator = ">="\nthreshold',
        "".join(f"{key.name} = {key.default}\n" for key in RULE if key.default.isdecimal())
        + 'comparator = ">="\nthreshold',
    ).replace("]\n\n[[signals", "]\nquiet_school_days = 0\n\n[[signals")
    assert spelt.count("min_occasions = 0") > 5
    assert read(spelt) == read(bare)
