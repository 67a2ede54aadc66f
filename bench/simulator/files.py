"""facts.jsonl and truth.jsonl: the simulated municipality in a published, source-neutral format.

``facts.jsonl``, one line a statement about a pupil in a lesson, by arrival:
``arrival`` and ``modified`` (RFC 3339), ``unit``, ``klass``, ``subject``,
``lesson`` (the occurrence's key), ``start`` (RFC 3339), ``minutes``, ``pupil``,
``valid``, ``invalid``, ``other`` (minutes), ``reported``, ``deleted``. The
newest ``modified`` about a pupil and lesson counts.

``truth.jsonl``, one line a pupil: ``pupil``, ``unit``, ``klass``, ``kind`` (the
trajectory), ``onset`` (date of the scripted onset or null) and ``missed``: date
-> share of offered time really missed, for every school day offered; beside
them ``sex``, ``newcomer``, ``grade``, ``school_form``, ``timing``,
``home_sitter`` and ``login_abuse`` for breaking figures down.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.simulator.attendance import Cause
from bench.simulator.contract import instant, lesson_start
from bench.simulator.events import RegisterEvent
from bench.simulator.reporting import Timetable
from bench.simulator.stream import Simulation
from bench.simulator.trajectories import RISING, UNAUTHORISED

Line = dict[str, Any]


def fact_lines(simulation: Simulation, event: RegisterEvent) -> Iterator[Line]:
    """The lines of one register."""
    world = simulation.world
    lesson = world.lessons[event.lesson]
    shared: Line = {
        "arrival": instant(event.arrival),
        "modified": instant(event.modified),
        "unit": world.units[lesson.unit].id,
    }
    start = lesson_start(world, event)
    classes = world.class_of[event.pupils, event.day]
    for position, pupil in enumerate(event.pupils.tolist()):
        yield shared | {
            "klass": world.classes[int(classes[position])].id,
            "subject": lesson.subject,
            "lesson": f"{lesson.activity}/{start[:16]}",
            "start": start,
            "minutes": lesson.length,
            "pupil": world.pupils[pupil].id,
            "valid": int(event.valid[position]),
            "invalid": int(event.invalid[position]),
            "other": int(event.other[position]),
            "reported": event.state == "reported",
            "deleted": event.state == "cancelled",
        }


def truth_line(
    simulation: Simulation, pupil: int, first: date, last: date, held: npt.NDArray[np.bool_]
) -> Line | None:
    """What was really so about one pupil; None where no day in the span was offered.

    ``held`` [pupil, day, slot] is False where the lesson was cancelled: that was not offered.
    """
    world, truth = simulation.world, simulation.truth
    known = world.pupils[pupil]
    offered = np.where(held[pupil], truth.offered[pupil], 0).sum(axis=1)
    here = ~held[pupil] | (truth.cause[pupil] == Cause.OTHER)
    away = np.where(here, 0, truth.absent[pupil]).sum(axis=1)
    missed = {
        day.isoformat(): round(float(away[i]) / float(offered[i]), 4)
        for i, day in enumerate(world.days)
        if first <= day <= last and offered[i]
    }
    if not missed:
        return None
    enrolled = [i for i, day in enumerate(world.days) if first <= day <= last and offered[i]]
    own = world.classes[int(world.class_of[pupil, enrolled[-1]])]
    plan = truth.courses[pupil]
    rising = plan.trajectory in RISING
    return {
        "pupil": known.id,
        "unit": world.units[own.unit].id,
        "klass": own.id,
        "kind": str(plan.trajectory),
        "onset": world.days[plan.onset].isoformat() if rising else None,
        "missed": missed,
        "sex": "female" if known.female else "male",
        "newcomer": known.newcomer,
        "grade": own.grade,
        "school_form": world.units[own.unit].school_form,
        "timing": plan.timing.name.lower() if plan.trajectory in UNAUTHORISED else None,
        "home_sitter": pupil in truth.home_sitters,
        "login_abuse": pupil in simulation.explained.abusers,
    }


def write(
    simulation: Simulation, folder: Path, first: date, last: date, timetable: Timetable = "needed"
) -> dict[str, int]:
    """Write both files; returns how many lines each has. Existing ones are replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    world = simulation.world
    held = np.ones(simulation.truth.offered.shape, dtype=np.bool_)
    counts = {"facts.jsonl": 0, "truth.jsonl": 0}
    with (folder / "facts.jsonl").open("w", encoding="utf-8") as file:
        for event in simulation.messages(first, last, timetable=timetable, restate=True):
            if isinstance(event, RegisterEvent):
                if event.state == "cancelled":
                    held[event.pupils, event.day, world.lessons[event.lesson].slot] = False
                for line in fact_lines(simulation, event):
                    file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
                    counts["facts.jsonl"] += 1
    with (folder / "truth.jsonl").open("w", encoding="utf-8") as file:
        for pupil in range(len(world.pupils)):
            row = truth_line(simulation, pupil, first, last, held)
            if row is not None:
                file.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")
                counts["truth.jsonl"] += 1
    return counts
