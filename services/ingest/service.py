"""Everything that the HTTP side and the background work share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.common.clock import Clock
from services.common.settings import IngestSettings
from services.ingest.closer import DayCloser
from services.ingest.intake import Intake
from services.ingest.profiles import Profiles
from services.ingest.publisher import Publisher
from services.ingest.quota import Quotas
from services.ingest.release import Releaser
from services.ingest.roster.apply import RosterService
from services.ingest.roster.holding import RosterDesk
from services.ingest.ss12000.gather import Gatherer
from services.ingest.ss12000.inbox import Inbox
from services.ingest.store.directory import Directory
from services.ingest.store.sources import SourceCache
from services.ingest.sync.runner import PullRunner
from services.ingest.sync.secrets import Secrets

if TYPE_CHECKING:
    from services.common.pg import Pool


@dataclass(frozen=True, slots=True)
class Service:
    """The parts, put together in :mod:`services.ingest.main`."""

    settings: IngestSettings
    clock: Clock
    pool: Pool
    publisher: Publisher
    directory: Directory
    intake: Intake
    roster: RosterService
    desk: RosterDesk
    profiles: Profiles
    closer: DayCloser
    releaser: Releaser
    inbox: Inbox
    gatherer: Gatherer
    quotas: Quotas
    sources: SourceCache
    secrets: Secrets
    pulls: PullRunner
