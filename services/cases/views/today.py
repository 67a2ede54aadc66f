"""Today's list: what waits for somebody, never empty of what matters."""

from __future__ import annotations

from typing import Literal

from services.cases.store import audit, due_reading, reading
from services.cases.store.scope import Database, Viewer
from services.cases.views import rows
from services.cases.views.due import duty_line
from services.cases.views.models import CaseLine, Today
from services.cases.views.openings import told
from services.cases.views.school import school_now

Scope = Literal["mine", "all"]
#: Whoever has more than these has other troubles than a list that ends; the first due come first.
MOST_DUTIES = 500


async def today(database: Database, viewer: Viewer, scope: Scope) -> Today:
    """The viewer's list for today; reading it is audited with the cases that it named.

    ``mine`` narrows to what stands with the viewer; what stands with nobody is always there.
    """
    now, day = database.now(), database.today()
    async with database.person(viewer) as connection:
        cases = [
            rows.case_line(row, viewer.staff_id, now)
            for row in await reading.open_cases(connection)
        ]
        calls = [
            rows.call_line(row, viewer.staff_id)
            for row in await reading.open_calls(connection, day)
        ]
        duties = [
            duty_line(row, viewer.staff_id, now)
            for row in await due_reading.open_duties(connection, MOST_DUTIES)
        ]
        unexcused = await reading.unexcused(connection, day)
        before = await reading.last_day_with_unexcused(connection, day)
        earlier = await reading.unexcused(connection, before) if before else []
        school = await school_now(connection, day)
        if scope == "mine":
            cases = [line for line in cases if line.mine or line.assigned_to is None]
            calls = [line for line in calls if line.mine or line.assigned_to is None]
            duties = [line for line in duties if line.mine or line.assigned_to is None]
        shown = Today(
            date=day,
            scope=scope,
            school=school,
            calls=calls,
            duties=duties,
            unexcused=[rows.unexcused_line(row) for row in unexcused],
            unexcused_before=[
                rows.unexcused_line(row) for row in earlier if row["state"] != "withdrawn"
            ],
            opened=await told(connection, viewer, now),
            **_sections(cases),
        )
        await audit.write(
            connection,
            viewer.organiser_id,
            now,
            viewer.staff_id,
            "list.read",
            cases=sorted(line.number for line in cases),
            calls=len(calls),
            duties=len(duties),
            unexcused=len(unexcused) + len(earlier),
        )
    return shown


def _sections(cases: list[CaseLine]) -> dict[str, list[CaseLine]]:
    """Each case in the first section that fits."""
    sections: dict[str, list[CaseLine]] = {
        "unassigned": [],
        "overdue": [],
        "new": [],
        "changed": [],
        "under_way": [],
        "old": [],
    }
    for line in cases:
        if line.assigned_to is None:
            sections["unassigned"].append(line)
        elif line.overdue:
            sections["overdue"].append(line)
        elif line.state == "new":
            sections["new" if line.woke else "old"].append(line)
        elif line.attention is not None:
            sections["changed"].append(line)
        else:
            sections["under_way"].append(line)
    return sections
