"""What a simulation is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from bench.simulator.rates import Rates
from services.common.clock import school_year


@dataclass(frozen=True, slots=True)
class SimulatorConfig:
    """One municipality and one school year.

    ``pupils`` is how many pupils the roster holds over the school year, those
    who join or leave within it included. ``today`` is the last simulated date and decides
    which school year is simulated.
    """

    seed: int = 1
    pupils: int = 1200
    today: date = date(2026, 11, 24)
    rates: Rates = field(default_factory=Rates)
    webhook_url: str | None = None
    """Given to every attendance officer as the address of signed webhooks."""

    def __post_init__(self) -> None:
        if not 50 <= self.pupils <= 200_000:
            raise ValueError(f"pupils: {self.pupils} is outside 50 to 200,000")
        if self.seed < 0:
            raise ValueError(f"seed: {self.seed} is negative; use 0 or more")

    @property
    def school_year(self) -> int:
        """First calendar year of the simulated school year."""
        return school_year(self.today)
