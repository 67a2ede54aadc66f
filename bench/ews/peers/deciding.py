"""The decision core as a peer uses it: collected as seldom as the worker does that is behind."""

from __future__ import annotations

import gc
from pathlib import Path

from services.common.settings import EwsSettings
from services.ews.core.api import Batch
from services.ews.core.core import Core

_PROFILE = Path(__file__).resolve().parents[3] / "services/ews/profiles/standard.toml"
_SECONDS: float = EwsSettings.model_fields["ews_catch_up_seconds"].default


def settle_collector() -> None:
    """Look for reference cycles as seldom as the worker does (services.ews.app)."""
    gc.set_threshold(100_000, 50, 1_000)


class Decider:
    """One partition's core. Times are of one clock, in seconds."""

    def __init__(self, partition: int) -> None:
        self._partition = partition
        self._core = Core()
        self._core.learn_profile("standard", 1, _PROFILE.read_bytes())
        self._since: float | None = None
        """When the first fact came that was not collected yet."""

    @property
    def holds(self) -> bool:
        """Whether anything waits to be collected."""
        return self._since is not None

    def take(self, value: bytes, offset: int, now: float) -> None:
        """Apply one fact."""
        self._core.apply(value, offset, partition=self._partition)
        if self._since is None:
            self._since = now

    def due(self, now: float) -> bool:
        """Whether what waits has waited long enough."""
        return self._since is not None and now - self._since >= _SECONDS

    def collect(self) -> Batch:
        """What has changed."""
        self._since = None
        return self._core.collect()
