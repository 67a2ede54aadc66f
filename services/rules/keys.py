"""Every key of a profile's ``[profile]`` and ``signals``: what it is, and what is refused.

The one place from which the JSON Schema and the tables of docs/profiles.md are made. A
test holds the names against those that the reader knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from services.ews.core.profile import COUNTED_SPANS, NAMED_SPANS, WITHIN
from services.ews.core.rule import Measure, Metric

REQUIRED = "required"
Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Key:
    """One key. ``default`` is :data:`REQUIRED` or what holds where the key is left out."""

    name: str
    schema: Schema
    unit: str
    default: str
    meaning: str
    refused: str

    @property
    def required(self) -> bool:
        return self.default == REQUIRED

    @property
    def described(self) -> Schema:
        """The key's schema with its meaning, which editors show."""
        return {**self.schema, "description": self.meaning}


def text() -> Schema:
    return {"type": "string", "pattern": r"\S"}


def whole(least: int, most: int) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": most}


def above_zero(most: int = 1_000_000) -> Schema:
    return {"type": "number", "exclusiveMinimum": 0, "maximum": most}


def choice(*values: str) -> Schema:
    return {"enum": list(values)}


_SPANS = [f"`{{ {span} = N }}`" for span in COUNTED_SPANS] + [f'`"{span}"`' for span in NAMED_SPANS]
_WINDOW: Schema = {
    "oneOf": [
        {"enum": list(NAMED_SPANS)},
        *(
            {
                "type": "object",
                "properties": {span: whole(1, most), "within": {"enum": [WITHIN]}},
                "required": [span],
                "additionalProperties": False,
            }
            for span, most in COUNTED_SPANS.items()
        ),
    ]
}

PROFILE = (
    Key(
        "id",
        {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,63}$"},
        "",
        REQUIRED,
        "The profile's name for machines; a warning names it and the version it lives under.",
        "other than lower-case letters, digits and hyphens; more than 64",
    ),
    Key(
        "version",
        whole(1, 1_000_000),
        "",
        REQUIRED,
        "Grows with every change: a published version never changes its content.",
        "below 1",
    ),
    Key("name", text(), "", REQUIRED, "The profile's name for people.", "blank"),
    Key("description", text(), "", "none", "One line for the list of profiles.", "blank"),
    Key("source", text(), "", "none", "The document that the profile is taken from.", "blank"),
)

FAMILY = (
    Key(
        "quiet_school_days",
        whole(0, 200),
        "school days",
        "0",
        "So long after a warning came to rest a new one is raised only at a higher level.",
        "negative; more than 200",
    ),
    Key(
        "ends_with",
        choice(WITHIN),
        "",
        "none",
        '`"term"`: a warning comes to rest when the next term begins, if it has not before; '
        "what fires in the new term raises a new one.",
        "anything else; in `ogiltig_idag`",
    ),
    Key(
        "rules",
        {},
        "",
        REQUIRED,
        "The family's rules, each a `[[...rules]]` table.",
        "an empty list",
    ),
)

RULE = (
    Key("id", text(), "", REQUIRED, "The rule's name; each warning carries it.", "used twice"),
    Key(
        "level",
        whole(1, 9),
        "",
        REQUIRED,
        "1 is the mildest. A warning has the highest level whose rule fires.",
        "outside 1 to 9",
    ),
    Key(
        "metric",
        choice(*(one.value for one in Metric)),
        "",
        REQUIRED,
        "Which absence is counted: `total`; `valid`; `invalid` (oanmäld and ogiltig); "
        "`unexplained` (oanmäld).",
        "`total` and `valid` in `ogiltig_idag`",
    ),
    Key(
        "measure",
        choice(*(one.value for one in Measure)),
        "",
        REQUIRED,
        "What is made of it; see below.",
        "other than `minutes` in `ogiltig_idag`",
    ),
    Key(
        "window",
        _WINDOW,
        "days, or a named span",
        REQUIRED,
        f"The days that are looked at, up to and with the judged one: {', '.join(_SPANS)}. "
        f'A counted one with `within = "{WITHIN}"` looks back no further than the term. '
        "Left out with `run_days` and in `ogiltig_idag`.",
        "`N` outside 1 to "
        + ", ".join(f"{most} (`{span}`)" for span, most in COUNTED_SPANS.items())
        + f'; `within` other than `"{WITHIN}"`, or with a named span',
    ),
    Key(
        "comparator",
        choice(">=", ">"),
        "",
        REQUIRED,
        "`>=` counts the threshold itself, `>` does not.",
        "anything else",
    ),
    Key(
        "threshold",
        above_zero(),
        "the measure's",
        REQUIRED,
        "The value from which the rule fires.",
        "0 or less; more than three decimals; a per cent above 100",
    ),
    Key(
        "resolve",
        {
            "type": "object",
            "properties": {"below": above_zero(), "school_days": whole(1, 200)},
            "required": ["below", "school_days"],
            "additionalProperties": False,
        },
        "the measure's; school days",
        REQUIRED,
        "`{ below = X, school_days = N }`: the rule rests after N judged school days in a row "
        "with a value below X. Left out in `ogiltig_idag`, which ends only by being excused.",
        "`below` above the threshold",
    ),
    Key(
        "min_offered_minutes",
        whole(0, 1_000_000),
        "minutes",
        "0",
        "Not judged where less was offered and reported in the window.",
        "with `run_days`",
    ),
    Key(
        "min_membership_days",
        whole(0, 1_000_000),
        "school days",
        "0",
        "Not judged before the pupil's so many-th school day of the school year.",
        "negative",
    ),
    Key(
        "min_reporting_rate",
        {"type": "number", "minimum": 0, "maximum": 100},
        "per cent",
        "0",
        "Not judged where less of the timetable in the window is reported; without a timetable "
        "the rate is unknown and stops nothing.",
        "outside 0 to 100; with `run_days`",
    ),
    Key(
        "min_absence_minutes",
        whole(0, 1_000_000),
        "minutes",
        "0",
        "Does not fire unless the absence in the window comes to this.",
        "with `run_days`",
    ),
    Key(
        "min_absence_days",
        whole(0, 1_000_000),
        "school days",
        "0",
        "Does not fire unless there is absence on so many days of the window; of a pattern, "
        "so many days in the cell.",
        "with `run_days`; less than 2 with a pattern",
    ),
    Key(
        "min_occasions",
        whole(0, 1_000_000),
        "occasions",
        "0",
        "Does not fire unless there are so many occasions in the window.",
        "with `run_days`",
    ),
    Key(
        "day_share",
        {"type": "number", "minimum": 1, "maximum": 100},
        "per cent",
        "any part",
        "With `days`: a day counts only where at least so much of its reported time is absent.",
        "outside 1 to 100; with other measures",
    ),
    Key(
        "times_the_rest",
        {"type": "number", "exclusiveMinimum": 1, "maximum": 1_000_000},
        "times",
        "required with patterns",
        "How many times the share of absence outside the cell the cell's own must at least be.",
        "1 or less; with other measures",
    ),
    Key(
        "waves",
        choice("count", "subtract"),
        "",
        '`"count"`',
        "`subtract`: judged without what whole classes were away from together, such as an "
        "influenza or a closed road.",
        "`subtract` with another measure than `share`",
    ),
    Key(
        "min_days_since_first",
        whole(0, 366),
        "days",
        "0",
        "Does not fire unless the absence began in the term at least so many calendar days ago.",
        "more than 366; with a measure of runs, turnings or notices",
    ),
    Key(
        "judged",
        {
            "oneOf": [
                {"enum": ["month_end"]},
                {
                    "type": "array",
                    "minItems": 1,
                    "items": {"type": "string", "pattern": r"^\d\d-\d\d$"},
                },
            ]
        },
        "",
        "every school day",
        '`"month_end"`, or dates such as `["11-30", "04-30"]`: judged only on the first of the '
        "pupil's school days on or after the date (after the month's end), with a window that "
        "ends with the date. The end of June is never judged.",
        "a date that some years lack; with runs, turnings and patterns",
    ),
    Key(
        "prior_share",
        above_zero(100),
        "per cent",
        "required with `change`, none with `share`",
        "With `share`: the share of absence towards which the pupil's own is drawn while little "
        "is reported. With `change`: the same of the pupil's own baseline. Both keys or neither.",
        "with other measures; unless it makes whole minutes of `prior_minutes`; of a `share`, "
        "from `resolve.below` up; without the other key",
    ),
    Key(
        "prior_minutes",
        whole(1, 1_000_000),
        "minutes",
        "required with `change`, none with `share`",
        "How much teaching the prior share weighs as much as.",
        "with other measures; without the other key",
    ),
    Key(
        "earlier_weight",
        whole(0, 100),
        "per cent",
        "0",
        "Of a `share`: what the school year held before the window is counted too, each minute "
        "as so much of one.",
        'outside 0 to 100; with other measures; with `"school_year"`',
    ),
    Key(
        "from",
        choice("strofranvaro", "langvarig"),
        "",
        "required with `turning`",
        "The family of which a rule fired on an earlier day of the window.",
        "with other measures; a family that the profile does not judge",
    ),
    Key(
        "into",
        choice("strofranvaro", "langvarig"),
        "",
        "required with `turning`",
        "The family of which a rule fires on the judged day.",
        "with other measures; a family that the profile does not judge",
    ),
    Key(
        "into_rules",
        {"type": "array", "items": {"type": "string"}},
        "",
        "all of `into`",
        "The rules of `into` that count. Needed within one family, where the others are those "
        "turned from.",
        "with other measures; a name that is no rule of `into`",
    ),
    Key("source", text(), "", REQUIRED, "Where the threshold is taken from.", "blank"),
)
