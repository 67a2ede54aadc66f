"""How this school system differs from the standard, and what goes wrong on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Literal

STANDARD_PATHS: Mapping[str, str] = {
    "Organisation": "organisations", "Person": "persons", "Group": "groups", "Duty": "duties",
    "Placement": "placements", "Programme": "programmes", "StudyPlan": "studyplans",
    "Syllabus": "syllabuses", "SchoolUnitOffering": "schoolUnitOfferings",
    "Activity": "activities", "CalendarEvent": "calendarEvents", "Attendance": "attendances",
    "AttendanceEvent": "attendanceEvents", "AttendanceSchedule": "attendanceSchedule",
    "Absence": "absences", "Grade": "grades", "Resource": "resources", "Room": "rooms",
}  # fmt: skip

ODD_PATHS: Mapping[str, str] = {
    **STANDARD_PATHS,
    "Organisation": "organisation", "Person": "person", "Attendance": "attendance",
    "Absence": "absence", "CalendarEvent": "calendarevents", "Activity": "activitites",
    "AttendanceSchedule": "attendanceSchedules", "StudyPlan": "studyPlans",
}  # fmt: skip
"""Singular, lower case and misspelt, as found in the wild."""

DNP = frozenset({"Organisation", "Person", "Group", "Duty", "Activity"})
"""What Skolverket's reference API for the national tests has: a roster and no attendance."""

FaultKind = Literal[
    "429", "503", "500", "401", "slow", "cut", "broken_json", "not_json", "expired_token"
]


@dataclass(slots=True)
class Habits:
    """What the server does for as long as it runs; tests may change it at any time."""

    paths: Mapping[str, str] = field(default_factory=lambda: dict(STANDARD_PATHS))
    resources: frozenset[str] = frozenset(STANDARD_PATHS)
    forbidden: frozenset[str] = frozenset()
    token: str | None = "school-token"
    client: tuple[str, str] | None = None
    """OAuth 2.0 client id and secret; with it only tokens of ``/oauth/token`` are good."""
    token_uses: int = 1_000_000
    """How many calls a token of ``/oauth/token`` is good for."""
    default_limit: int | None = 100
    """None = everything in one answer, as Skolverket's reference API."""
    most: int = 10_000
    refuses_over: int = 10_000
    """A larger ``limit`` is answered 400, where ``most`` makes it less without a word."""
    paging: Literal["keyset", "offset"] = "keyset"
    """By offset, pages shift when something is deleted between two of them."""
    limit_with_token: bool = True
    null_token: bool = True
    """False = pageToken is left out on the last page."""
    delta: Literal["yes", "refused", "ignored"] = "yes"
    deleted_entities: bool = True
    feedback: Literal["plain", "slash", "none"] = "plain"
    """Whether /log and /statistics are there, and with a slash behind (as in the YAML)."""
    renewal: bool = True
    expires_days: float = 90
    modified_key: str = "modifiedEntites"
    chunked: bool = False
    extra_fields: bool = False
    without_optional: bool = False
    date_header: bool = True
    error_body: Literal["standard", "nested"] = "standard"


@dataclass(slots=True)
class Fault:
    """Strikes ``times`` calls whose path begins with ``path``, after letting ``skip`` pass."""

    kind: FaultKind
    path: str = ""
    times: int = 1
    skip: int = 0
    retry_after: str | None = None
    seconds: float = 0.5


class Faults:
    """The faults that are switched on, in order; the first that fits strikes."""

    def __init__(self) -> None:
        self._list: list[Fault] = []
        self._lock = Lock()

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._list.append(fault)

    def strike(self, path: str) -> Fault | None:
        """The fault of this call, None when it goes well."""
        with self._lock:
            for fault in self._list:
                if fault.times <= 0 or not path.startswith(fault.path):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                return fault
        return None
