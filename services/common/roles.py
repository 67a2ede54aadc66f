"""What people may be at a school and its huvudman: the roster's duties, and claims of a provider.

What each may see is decided in PostgreSQL (services/cases/migrations); docs/access.md shows it.
"""

from __future__ import annotations

from typing import Literal, get_args

Role = Literal[
    "mentor",
    "attendance_officer",
    "principal",
    "student_health",
    "coordinator",
    "team_leader",
    "area_manager",
    "organiser_officer",
    "compulsory_officer",
    "board",
    "operations",
]
ROLES: tuple[Role, ...] = get_args(Role)

#: These may hold for one class or group alone.
OF_A_CLASS: frozenset[Role] = frozenset(
    {"mentor", "attendance_officer", "principal", "student_health"}
)
#: These answer for the whole organiser, so their duty may name no place.
ORGANISER_WIDE: frozenset[Role] = frozenset(
    {"team_leader", "organiser_officer", "compulsory_officer", "board", "operations"}
)
#: These meet pupils in their work; the others see counts, or nothing at all.
PUPIL_ROLES: frozenset[Role] = frozenset(ROLES) - {"area_manager", "board", "operations"}
#: These may read a case outside their duties, with a reason and for a time (break-glass).
MAY_OPEN: frozenset[Role] = PUPIL_ROLES - {"mentor"}
#: These begin with figures. An områdeschef may go on to a case of the area, with a reason.
FIGURES: frozenset[Role] = frozenset({"area_manager", "board"})
#: These are told when a case was read outside somebody's duties, and may say yes where two must.
OVERSEES_OPENINGS: frozenset[Role] = frozenset({"principal", "organiser_officer"})
#: These receive anmälningar: who and since when, not the case behind them.
DESK: frozenset[Role] = frozenset({"organiser_officer", "compulsory_officer"})
