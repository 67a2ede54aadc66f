"""What a huvudman has decided for its chain; one row, or none for the defaults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from services.common.pg import Connection


@dataclass(frozen=True, slots=True)
class OrganiserSettings:
    """Which form an anmälan is written on, and whether gymnasiet sends one."""

    report_form: str = "standard"
    report_on_upper: bool = False


async def put(connection: Connection, organiser_id: UUID, decided: OrganiserSettings) -> None:
    """Write it down, in place of what was decided before."""
    await connection.execute(
        """
        INSERT INTO cases.organiser_settings (organiser_id, report_form, report_on_upper)
        VALUES ($1, $2, $3)
        ON CONFLICT (organiser_id) DO UPDATE SET report_form = excluded.report_form,
            report_on_upper = excluded.report_on_upper
        """,
        organiser_id,
        decided.report_form,
        decided.report_on_upper,
    )
