"""What a local stack is asked for, and what its services are told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from deploy.local.environment import for_settings
from deploy.local.kafka import DEFAULT_HEAP
from deploy.local.ports import Ports
from services.common.settings import CommonSettings


@dataclass(frozen=True)
class StackOptions:
    """What a local stack is asked for.

    Args:
        data: everything it keeps lies below this folder.
        ports: ports asked for by number, by the names of :data:`deploy.local.ports.PREFERRED`.
        kafka: ``HOST:PORT`` of a broker of one's own, instead of starting one.
        postgres: superuser URL of a server of one's own, with the database to use.
        replication: of the topics, for a broker of one's own.
        clock: the simulated instant of the first start; ``None`` is the host's clock.
        clock_rate: simulated seconds a second.
        clock_skip: see :class:`deploy.local.clock.SimulatedClock`.
        partitions: of the input log; fixed at the first start.
        settings: further settings of the services, by field name of services.common.settings.
        kafka_options, postgres_settings: for tests and benchmarks.
    """

    data: Path
    ports: Mapping[str, int] = field(default_factory=dict)
    kafka: str | None = None
    postgres: str | None = None
    replication: int = 1
    clock: datetime | None = None
    clock_rate: float = 1.0
    clock_skip: Callable[[datetime], datetime | None] = lambda _now: None
    partitions: int = 8
    heap: str = DEFAULT_HEAP
    jar_cache: Path | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    kafka_jvm: tuple[str, ...] = ()
    postgres_settings: Mapping[str, str] = field(default_factory=dict)
    ready_seconds: float = 120.0


@dataclass(frozen=True)
class Addresses:
    """Where everything is, and with which secrets: what service plans are made from."""

    values: Mapping[str, str]
    ports: Ports
    mail_folder: Path

    def environment(self, kind: type[CommonSettings], port: str | None = None) -> dict[str, str]:
        """The environment of a service that reads ``kind`` and listens on the port named."""
        own = {} if port is None else {"listen_port": str(self.ports.get(port))}
        return for_settings(kind, {**self.values, **own})
