"""What reading a school system may end in. Each text names what to mend.

SyncError                 a run ends; what was read stays read
├── SecretMissingError    the setting that holds the secret is not there
├── UnreachableError      no connection, or no whole answer, in spite of all attempts
├── BusyError             the source asks to be left alone until ``until``
├── UnauthorizedError     401: the secret is wrong or worn out
├── AnswerError           an answer that is not what the standard says
└── NotAcknowledgedError  Kafka or PostgreSQL did not take a page
RefusedError              one call was refused; the run may go on without it
├── ForbiddenError        403
├── NotOfferedError       404, 405, 501: the source does not have that
└── FilterError           400: the source does not take a filter or a page token
"""

from __future__ import annotations

from datetime import datetime

from services.ingest.errors import IngestError


class SyncError(IngestError):
    """Ends a run; ``code`` is stable, the text says what to do."""

    code = "failed"


class SecretMissingError(SyncError):
    """Nothing is set under the secret's name."""

    code = "secret_missing"


class UnreachableError(SyncError):
    """All attempts failed."""

    code = "unreachable"


class BusyError(SyncError):
    """The source sent a Retry-After that is longer than a run waits."""

    code = "busy"

    def __init__(self, text: str, until: datetime) -> None:
        super().__init__(text)
        self.until = until


class UnauthorizedError(SyncError):
    """The source does not know us."""

    code = "unauthorized"


class AnswerError(SyncError):
    """The source's answer cannot be read, each time it is asked."""

    code = "broken_answer"


class NotAcknowledgedError(SyncError):
    """Kafka or PostgreSQL did not take a page, each time it was given."""

    code = "not_written"


class RefusedError(IngestError):
    """The source said no to one call."""

    code = "refused"


class ForbiddenError(RefusedError):
    """The client may not read that."""

    code = "forbidden"


class NotOfferedError(RefusedError):
    """There is no such endpoint."""

    code = "not_offered"


class FilterError(RefusedError):
    """The source takes neither this filter nor this page token."""

    code = "filter_refused"
