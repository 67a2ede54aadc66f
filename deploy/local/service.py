"""One service of the local stack: how it is started, when it is ready, when it is started again."""

from __future__ import annotations

import http.client
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.process import Child

_FIRST_DELAY_SECONDS = 0.5
_LONGEST_DELAY_SECONDS = 30.0
#: A service that ran this long was well: its next death starts the delays afresh.
_WELL_SECONDS = 60.0
_LARGEST_LOG_BYTES = 20 * 1024 * 1024


@dataclass(frozen=True)
class ServiceSpec:
    """What to start.

    Args:
        name: as people and ports know it, for instance ``ews-1``.
        argv: arguments of this Python, for instance ``("-m", "services.ews")``.
        environment: variables added to the inherited ones.
        port: where ``/readyz`` answers; ``None`` for a process without one.
        stop_seconds: how long it may take to stop.
        finishes: it may end by itself with exit status 0 and then stays ended.
    """

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    port: int | None = None
    stop_seconds: float = 25.0
    finishes: bool = False


class Service:
    """A running service, and the back-off with which it is started again when it dies."""

    def __init__(
        self,
        spec: ServiceSpec,
        logs: Path,
        base_environment: Mapping[str, str],
        *,
        cwd: Path,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.spec = spec
        self._clock = clock
        self._delay = _FIRST_DELAY_SECONDS
        self._started = 0.0
        self._again_at: float | None = None
        #: While true a death is left alone: tests and the demo check end services themselves.
        self.left_alone = False
        self.child = Child(
            spec.name,
            [sys.executable, *spec.argv],
            log=logs / f"{spec.name}.log",
            env={**base_environment, **spec.environment},
            cwd=cwd,
        )

    @property
    def name(self) -> str:
        """As people know it."""
        return self.spec.name

    def start(self) -> None:
        """Start the process; :meth:`is_ready` tells when it works."""
        log = self.child.log
        if log.exists() and log.stat().st_size > _LARGEST_LOG_BYTES:
            log.replace(log.with_suffix(".log.1"))
        self._started = self._clock()
        self._again_at = None
        self.child.start()

    def is_ready(self) -> bool:
        """Whether ``/readyz`` answers 200."""
        return self.spec.port is None or answers(self.spec.port, "/readyz")

    def has_finished(self) -> bool:
        """Whether it has done its work and ended, where that is in its nature."""
        return self.spec.finishes and self.child.returncode == 0

    def wait_ready(self, *, seconds: float, cancelled: Callable[[], bool]) -> None:
        """Return when it is ready, or has finished; see :meth:`Child.wait_ready`."""
        self.child.wait_ready(
            lambda: self.is_ready() or self.has_finished(), seconds=seconds, cancelled=cancelled
        )

    def tend(self) -> str | None:
        """Start it again when it has died and the back-off is over; says what happened, if so."""
        if self.left_alone or self.child.running:
            return None
        if self.has_finished():
            return None
        if self._again_at is None:
            if self._clock() - self._started > _WELL_SECONDS:
                self._delay = _FIRST_DELAY_SECONDS
            self._again_at = self._clock() + self._delay
            self._delay = min(self._delay * 2, _LONGEST_DELAY_SECONDS)
            wait = self._again_at - self._clock()
            return (
                f"{self.name} ended ({ending(self.child.returncode)}); it starts again in "
                f"{wait:.1f} s. Its log: {self.child.log}"
            )
        if self._clock() >= self._again_at:
            self.start()
            return f"{self.name} has been started again (pid {self.child.pid})."
        return None

    def stop(self, *, at_once: Callable[[], bool] = lambda: False) -> bool:
        """Stop it within its bound; True when it stopped by itself."""
        self.left_alone = True
        return self.child.stop(seconds=self.spec.stop_seconds, at_once=at_once)


def ending(returncode: int | None) -> str:
    """An exit status in words."""
    if returncode is None:
        return "running"
    return f"signal {-returncode}" if returncode < 0 else f"exit status {returncode}"


def answers(port: int, path: str, *, seconds: float = 2.0) -> bool:
    """Whether a GET on loopback gives 200; no proxy is asked."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
