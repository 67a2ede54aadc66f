"""The installation's settings for what wakes whom, as the domain reads them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from services.common.settings import NotifySettings


@dataclass(frozen=True, slots=True)
class Policy:
    """See the settings of the same names."""

    grace: timedelta
    late_days: int
    outage_days: int
    case_age_days: int
    case_patience: timedelta
    same_day_patience: timedelta

    @classmethod
    def from_settings(cls, settings: NotifySettings) -> Policy:
        """Read the settings."""
        return cls(
            grace=timedelta(minutes=settings.notify_grace_minutes),
            late_days=settings.notify_late_days,
            outage_days=settings.notify_outage_days,
            case_age_days=settings.notify_age_limit_days,
            case_patience=timedelta(hours=settings.notify_case_patience_hours),
            same_day_patience=timedelta(minutes=settings.notify_same_day_patience_minutes),
        )
