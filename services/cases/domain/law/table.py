"""The whole table of steps."""

from __future__ import annotations

from services.cases.domain.law import coordination, school
from services.cases.domain.law.step import Step

STEPS: tuple[Step, ...] = (*school.STEPS, *coordination.STEPS)
BY_NAME: dict[str, Step] = {step.name: step for step in STEPS}
PHASES = {
    1: "Varning",
    2: "Kontakt och avstämning",
    3: "Kartläggning",
    4: "Utredning och anmälan",
    5: "Plan och insatser",
    6: "Uppföljning",
    7: "Koordinator",
    8: "Avslut",
}
