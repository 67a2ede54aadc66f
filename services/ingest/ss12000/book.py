"""Calendar events and attendances as they are staged."""

from __future__ import annotations

from services.ingest.ss12000.book_attendances import AttendanceBook, gone_attendance
from services.ingest.ss12000.book_events import EventBook, Slots, gone_event

__all__ = ["Book", "Slots", "gone_attendance", "gone_event"]


class Book(EventBook, AttendanceBook):
    """One source's events and attendances, inside a transaction of its organiser."""
