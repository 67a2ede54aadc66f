"""`forvarning up` on servers of one's own, and what it says when they cannot be used."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from deploy.local.console import Screen
from deploy.local.kafka import KafkaServer
from deploy.local.options import StackOptions
from deploy.local.process import free_port
from deploy.local.reach import ServerUnusableError, check_kafka, check_postgres
from deploy.local.service import ServiceSpec, answers
from deploy.local.stack import LocalStack
from services.common import topics
from services.common.settings import CasesSettings
from tests.support.fake_up import FAKE
from tests.support.stack import NewKafka, TestPostgres


def test_it_starts_no_server_where_it_is_given_some(
    tmp_path: Path, new_kafka: NewKafka, postgres: TestPostgres
) -> None:
    broker = new_kafka()
    url = postgres.create_database()
    port = free_port()
    environments: list[dict[str, str]] = []

    def remember(environment: dict[str, str]) -> ServiceSpec:
        environments.append(environment)
        return ServiceSpec("cases", (FAKE, str(port)), environment, port=port)

    stack = LocalStack(
        StackOptions(data=tmp_path, kafka=broker.bootstrap, postgres=url, ports={"web": port}),
        lambda at: [remember(at.environment(CasesSettings, "web"))],
        Screen(),
    )
    stack.start()
    try:
        assert stack.kafka is None
        assert stack.postgres is None
        assert answers(port, "/readyz")
        assert environments[0]["FORVARNING_KAFKA_BOOTSTRAP"] == broker.bootstrap
        assert "forvarning_cases:" in environments[0]["FORVARNING_CASES_DATABASE_URL"]
        assert url.rpartition("@")[2] in environments[0]["FORVARNING_CASES_DATABASE_URL"]
    finally:
        stack.stop()
    assert broker.running
    assert asyncio.run(topics_of(broker.bootstrap)) >= {topic.name for topic in topics.ALL}
    assert postgres.server.running
    assert not (tmp_path / "kafka").exists()
    assert not (tmp_path / "postgres").exists()


async def topics_of(bootstrap: str) -> set[str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        return set(await admin.list_topics())
    finally:
        await admin.close()


@pytest.mark.parametrize("text", ["kafka", "kafka:", ":9092", "kafka:nine"])
def test_a_malformed_address_is_explained(text: str) -> None:
    with pytest.raises(ServerUnusableError, match="write HOST:PORT"):
        check_kafka(text)


def test_a_broker_that_is_not_there_is_named() -> None:
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(ServerUnusableError, match=f"--kafka {address}: no broker answers"):
        check_kafka(address)


def test_a_broker_that_answers_is_accepted(kafka: KafkaServer) -> None:
    check_kafka(kafka.bootstrap)


def test_a_database_that_cannot_be_used_is_named_without_its_password(
    postgres: TestPostgres,
) -> None:
    check_postgres(postgres.admin_dsn)
    wrong = postgres.server.dsn(password="very-secret-word")
    with pytest.raises(ServerUnusableError, match="cannot connect") as refused:
        check_postgres(wrong)
    assert "very-secret-word" not in str(refused.value)
    with pytest.raises(ServerUnusableError, match="cannot connect"):
        check_postgres(f"postgresql://postgres:x@127.0.0.1:{free_port()}/forvarning")
    with pytest.raises(ServerUnusableError, match="cannot connect"):
        check_postgres("mysql://x")
