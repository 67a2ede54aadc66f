"""docs/clocks.md is what the clocks are. FORVARNING_WRITE_CLOCKS=1 writes its table again."""

from __future__ import annotations

import os
from pathlib import Path

from services.cases.domain.clocks import CLOCKS, LegalClock
from services.cases.domain.workdays import Unit

PAGE = Path(__file__).parents[3] / "docs" / "clocks.md"
BEGIN, END = "<!-- clocks -->\n", "<!-- /clocks -->"
_WORDS: dict[Unit, str] = {
    "at_once": "samma stund",
    "same_day": "dagens slut",
    "school_days": "{} skoldagar",
    "working_days": "{} arbetsdagar",
    "calendar_days": "{} dagar",
    "months": "{} månader",
}


def row(clock: LegalClock) -> str:
    paragraphs = "; ".join(dict.fromkeys(clock.paragraph.values()))
    limit = _WORDS[clock.limit.unit].format(clock.limit.length)
    whose = "lagens" if clock.by == "law" else "**vår**"
    cells = (f"`{clock.key}`", clock.title, clock.word, paragraphs, limit, whose, clock.why)
    return f"| {' | '.join(cells)} |\n"


def test_the_page_has_every_clock_as_it_is() -> None:
    head = (
        "| kind | vad | lagens ord | var | tid | vems | varför |\n|---|---|---|---|---|---|---|\n"
    )
    table = head + "".join(row(clock) for clock in CLOCKS)
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    wanted = before + BEGIN + table + END + after
    if os.environ.get("FORVARNING_WRITE_CLOCKS"):
        PAGE.write_text(wanted, "utf-8")
    assert PAGE.read_text("utf-8") == wanted
