"""Streams with the real core on the shared broker."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.local.kafka import KafkaServer
from tests.support_ews.harness import Stream


@pytest.fixture
def make_stream(kafka: KafkaServer, tmp_path: Path) -> Iterator[Callable[..., Stream]]:
    """Make streams whose workers end with the test."""
    made: list[Stream] = []

    def make(**options: Any) -> Stream:
        stream = Stream(kafka.bootstrap, tmp_path, core="real", session_seconds=6.0, **options)
        made.append(stream)
        return stream

    yield make
    for stream in made:
        stream.end_all()


@pytest.fixture
def seed() -> int:
    """A seed of this run, printed so that a failure can be repeated."""
    value = random.SystemRandom().randrange(2**32)
    print(f"seed {value}")
    return value
