"""A certificate of gallring on paper."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from deploy.retention.paper import sheet
from services.records.certificates import Certificate

HELD = Certificate(
    organiser_id=UUID(int=1),
    certificate_id=UUID(int=2),
    kind="retention",
    # The second of the month in Sweden.
    issued_at=datetime(2027, 10, 1, 22, 30, tzinfo=UTC),
    issued_by="schema",
    content={
        "erased": {"cases.cases": 3, "cases.absence_days_2026": 1200},
        "decisions": [
            {
                "group": "Ärenden om frånvaro",
                "reference": "KS 2026/123",
                "decided_on": "2026-06-01",
                "days": 1825,
                "counted": "efter att ärendet avslutades",
            },
            {
                "group": "Teknik",
                "reference": "stående",
                "decided_on": None,
                "days": 0,
                "counted": "",
            },
        ],
    },
)


def test_it_says_what_went_by_which_decision_and_its_digest() -> None:
    paper = sheet(HELD, "Testköpings kommun")
    said = {field.name: field.text for field in paper.fields}
    assert said["erased"].splitlines() == [
        "cases.absence_days_2026: 1200",
        "Ärendet. (cases.cases): 3",
    ]
    assert said["decisions"].splitlines() == [
        "Ärenden om frånvaro: KS 2026/123, 2026-06-01, 1825 dagar efter att ärendet avslutades",
        "Teknik: stående",
    ]
    assert said["sha256"] == HELD.digest.hex()
    assert (paper.title, paper.date) == ("Intyg om gallring", "2\xa0oktober 2027")
    assert paper.sender == "Testköpings kommun"
