"""The answer as JSON and as tables. No name of a person is in it: the facts have none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from services.common.clock import from_epoch_day
from services.ews.whatif.choose import Chosen
from services.ews.whatif.compare import ANY, Episode, Period, Pupil, School, Tally
from services.ews.whatif.run import Answer

_FAMILIES = ("strofranvaro", "langvarig", "eskalering", "ogiltig_idag", "orapporterat")
_MOST_BAD_LINES = 10
_LEGEND = """\
first warning  by how many calendar days the new profile warned earlier (-) or later (+):
               the median of the pupils whom both warn
changes        raises, steps to a higher level and rests, for each pupil of the school
any            all families but ogiltig_idag; a pupil counts once"""


def _order(family: str) -> tuple[bool, int, str]:
    known = _FAMILIES.index(family) if family in _FAMILIES else len(_FAMILIES)
    return (family == ANY, known, family)


def _date(day: int | None) -> str | None:
    return from_epoch_day(day).isoformat() if day else None


def headings(answer: Answer) -> tuple[str, str]:
    """What the two are called: id and version; where that is the same, as they were asked for."""
    old, new = answer.old, answer.new
    for pair in ((old.name, new.name), (old.asked, new.asked)):
        if pair[0] != pair[1]:
            return pair
    return f"{old.name} (old)", f"{new.name} (new)"


# -- JSON ---------------------------------------------------------------------------------


def as_json(answer: Answer) -> dict[str, Any]:
    """Everything that was found out."""
    comparison = answer.comparison
    return {
        "source": answer.source,
        "from": _date(comparison.period.first),
        "to": _date(comparison.period.last),
        "old": _profile(answer.old),
        "new": _profile(answer.new),
        "facts": answer.facts,
        "waves": answer.waves,
        "undigested": answer.undigested,
        "failed_pupils": answer.failed,
        "bad_lines": [
            {"line": one.line, "field": one.field, "reason": one.reason} for one in answer.bad_lines
        ],
        "total": _school(comparison.total()),
        "schools": [
            {"unit": unit, "code": answer.units[unit].code} | _school(school)
            for unit, school in sorted(comparison.schools.items())
        ],
        "pupils": [_pupil(pupil, comparison.period) for pupil in _by_unit(answer)],
    }


def _profile(chosen: Chosen) -> dict[str, Any]:
    return {
        "asked": chosen.asked,
        "origin": chosen.origin,
        "id": chosen.profile.profile_id,
        "version": chosen.profile.version,
        "sha256": chosen.digest,
    }


def _school(school: School) -> dict[str, Any]:
    return {
        "pupils": school.pupils,
        "families": {
            family: _tally(tally, school.pupils)
            for family, tally in sorted(school.families.items(), key=lambda row: _order(row[0]))
        },
    }


def _tally(tally: Tally, pupils: int) -> dict[str, Any]:
    return {
        "old": tally.warned[0],
        "new": tally.warned[1],
        "both": tally.both,
        "only_old": tally.only[0],
        "only_new": tally.only[1],
        "median_days_later": tally.median_days_later,
        "changes_old": tally.changes[0],
        "changes_new": tally.changes[1],
        "changes_per_pupil_old": _each(tally.changes[0], pupils),
        "changes_per_pupil_new": _each(tally.changes[1], pupils),
    }


def _each(changes: int, pupils: int) -> float | None:
    return round(changes / pupils, 4) if pupils else None


def _pupil(pupil: Pupil, period: Period) -> dict[str, Any]:
    return {
        "pupil": pupil.pupil,
        "unit": pupil.unit,
        "families": {family: _firsts(pupil, family, period) for family in pupil.families()},
        "old": [_episode(one) for one in pupil.episodes[0]],
        "new": [_episode(one) for one in pupil.episodes[1]],
    }


def _firsts(pupil: Pupil, family: str, period: Period) -> dict[str, Any]:
    old, new = (pupil.first(side, family, period) for side in (0, 1))
    return {
        "old": _date(old),
        "new": _date(new),
        "days_later": new - old if old is not None and new is not None else None,
    }


def _episode(one: Episode) -> dict[str, Any]:
    return {
        "family": one.family,
        "raised": _date(one.raised),
        "resolved": _date(one.resolved),
        "levels": [
            {"level": reached.level, "day": _date(reached.day), "rule": reached.rule_id}
            for reached in one.levels
        ],
    }


def _by_unit(answer: Answer) -> list[Pupil]:
    return sorted(answer.comparison.pupils, key=lambda one: (one.unit, one.pupil))


# -- tables -------------------------------------------------------------------------------


def console() -> Console:
    """Plain and wide enough for every column where nobody looks at a terminal."""
    out = Console(highlight=False)
    return out if out.is_terminal else Console(highlight=False, width=200, color_system=None)


def show(answer: Answer, out: Console, *, pupils: bool) -> None:
    """Print the answer for a person."""
    old, new = headings(answer)
    out.print(f"What if {new} held instead of {old}?", style="bold", markup=False)
    comparison = answer.comparison
    first, last = _date(comparison.period.first), _date(comparison.period.last)
    between = f", {first or 'the first day'} to {last or 'the last day'}" if first or last else ""
    out.print(f"{answer.source}{between}: {answer.facts} facts", markup=False)
    if answer.waves:
        out.print(f"Waves of shared absence: on {answer.waves} days of a unit", markup=False)
    for line in _remarks(answer):
        out.print(line, markup=False)
    total = comparison.total()
    out.print()
    out.print(_summary(answer, total))
    out.print(_LEGEND, style="dim")
    if pupils:
        out.print()
        out.print(_pupil_table(answer) if comparison.pupils else "Nobody is warned by either.")
    elif comparison.pupils:
        out.print("--pupils lists the pupils, --json FILE writes everything.", style="dim")


def _remarks(answer: Answer) -> Iterator[str]:
    if answer.undigested:
        yield f"{answer.undigested} facts could not be digested and count nowhere"
    if answer.failed:
        yield f"{answer.failed} pupils could not be judged: their warnings are missing here"
    if answer.bad_lines:
        yield f"{len(answer.bad_lines)} lines could not be used and count nowhere:"
        yield from (f"  {one}" for one in answer.bad_lines[:_MOST_BAD_LINES])
        if len(answer.bad_lines) > _MOST_BAD_LINES:
            yield f"  and {len(answer.bad_lines) - _MOST_BAD_LINES} more; --json lists them all"


def _table(out_of: Answer, *first: str) -> Table:
    old, new = headings(out_of)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in first:
        table.add_column(name, overflow="fold")
    for name in (old, new, f"only\n{old}", f"only\n{new}", "first\nwarning", "changes\na pupil"):
        table.add_column(name, justify="right")
    return table


def _summary(answer: Answer, total: School) -> Table:
    table = _table(answer, "school", "pupils", "family")
    schools = sorted(answer.comparison.schools.items(), key=lambda row: answer.units[row[0]].shown)
    rows = [(answer.units[unit].shown, school) for unit, school in schools]
    if len(rows) != 1:
        rows.append(("all schools", total))
    for name, school in rows:
        families = sorted(school.families.items(), key=lambda row: _order(row[0]))
        if not families:
            table.add_row(name, str(school.pupils), "none", *["0"] * 4, "", "")
        for at, (family, tally) in enumerate(families):
            head = (name, str(school.pupils)) if at == 0 else ("", "")
            table.add_row(*head, family, *_cells(tally, school.pupils))
        table.add_section()
    return table


def _cells(tally: Tally, pupils: int) -> list[str]:
    counts = [*tally.warned, *tally.only]
    each = " → ".join(f"{changes / pupils:.2f}" if pupils else "–" for changes in tally.changes)
    return [*map(str, counts), _later(tally.median_days_later), each]


def _later(days: float | None) -> str:
    if days is None:
        return "–"
    return f"{days:+g} d" if days else "same day"


def _pupil_table(answer: Answer) -> Table:
    old, new = headings(answer)
    table = Table(
        "school", "pupil", "family", old, new, "first warning", box=box.SIMPLE_HEAD, pad_edge=False
    )
    period = answer.comparison.period
    for pupil in _by_unit(answer):
        for family in sorted(set(pupil.families()) - {ANY}, key=_order):
            before, after = (pupil.first(side, family, period) for side in (0, 1))
            if before is None and after is None:
                continue
            if before is None or after is None:
                told = f"only {new if before is None else old}"
            else:
                told = _later(after - before)
            unit = answer.units[pupil.unit].shown
            table.add_row(unit, pupil.pupil, family, _date(before) or "", _date(after) or "", told)
    return table
