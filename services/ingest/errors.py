"""What ingest raises.

IngestError
├── NotWrittenError      Kafka has not acknowledged: nothing was promised, send again
│   ├── BrokerAwayError  no broker, no leader, or no answer in time
│   └── QueueFullError   too much is waiting for acknowledgements already
├── UnguardedRoleError   the database role is not held by row-level security
├── ProfileError         a rule profile's file or activation cannot be accepted
└── DeliveryRefusedError ingest answered a file's sender with an error (the command line)
"""

from __future__ import annotations

from collections.abc import Sequence

from services.rules.reading import Finding


class IngestError(Exception):
    """Root of this service's errors."""


class NotWrittenError(IngestError):
    """Nothing of the batch is acknowledged; ``retry_after`` says when to send it again."""

    retry_after = 2


class BrokerAwayError(NotWrittenError):
    """The broker cannot be reached, has no leader for a partition, or was too slow."""


class QueueFullError(NotWrittenError):
    """The bytes waiting for acknowledgement have reached their limit."""


class UnguardedRoleError(IngestError):
    """The process must not start: its role could see and change every organiser's rows."""


class ProfileError(IngestError):
    """``code`` and the text name what is wrong with a profile or its activation.

    ``findings`` are the single things where the file itself is refused.
    """

    def __init__(self, code: str, detail: str, findings: Sequence[Finding] = ()) -> None:
        super().__init__(detail)
        self.code = code
        self.findings = findings


class DeliveryRefusedError(IngestError):
    """The service said no; the text holds its reason."""
