"""A broker of the fault tests' own, which lets a group notice a dead member within seconds."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.local.kafka import KafkaServer
from tests.support.stack import kafka_server
from tests.support_ews.harness import Stream


@pytest.fixture(scope="session")
def fault_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """One broker for all of them."""
    settings = {"group.min.session.timeout.ms": "1000"}
    with kafka_server(tmp_path_factory.mktemp("fault-kafka"), settings=settings) as server:
        yield server


@pytest.fixture
def make_stream(fault_kafka: KafkaServer, tmp_path: Path) -> Iterator[Callable[..., Stream]]:
    """Make streams whose workers end with the test."""
    made: list[Stream] = []

    def make(**options: Any) -> Stream:
        stream = Stream(options.pop("bootstrap", fault_kafka.bootstrap), tmp_path, **options)
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
