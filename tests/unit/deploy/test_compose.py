"""docker-compose.yml, without a container engine: its schema, its settings, its promises."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr, ValidationError

from deploy.image import entry, make_secrets
from services.common import settings as module
from services.common.settings import (
    ArchiveSettings,
    CasesSettings,
    CommonSettings,
    EwsSettings,
    IngestSettings,
    MigrateSettings,
    NotifySettings,
    OracleSettings,
)

ROOT = Path(__file__).parents[3]
COMPOSE = ROOT / "docker-compose.yml"
OURS: dict[str, type[CommonSettings]] = {
    "migrate": MigrateSettings,
    "topics": CommonSettings,
    "ingest": IngestSettings,
    "ews": EwsSettings,
    "waves": EwsSettings,
    "cases": CasesSettings,
    "notify": NotifySettings,
    "oracle": OracleSettings,
    "retention": ArchiveSettings,
}
PREFIX = "FORVARNING_"


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text("utf-8"))
    return found


SERVICES: dict[str, dict[str, Any]] = compose()["services"]


def fields(kind: type[CommonSettings]) -> set[str]:
    return {f"{PREFIX}{name.upper()}" for name in kind.model_fields}


def given(service: str) -> dict[str, str]:
    """Setting → value, with secrets' files resolved to their setting's name."""
    environment: dict[str, str] = SERVICES[service].get("environment", {})
    ours = {name: value for name, value in environment.items() if name.startswith(PREFIX)}
    return {name.removesuffix("_FILE"): value for name, value in ours.items()}


def test_it_follows_the_compose_specification() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "check_jsonschema",
            "--builtin-schema",
            "vendor.compose-spec",
            COMPOSE,
        ],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_image_passes_hadolint() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    file = ROOT / "deploy" / "image" / "Dockerfile"
    done = subprocess.run([hadolint, file], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("service", OURS)
def test_every_variable_is_a_setting_of_that_service(service: str) -> None:
    assert given(service)
    unknown = set(given(service)) - fields(OURS[service])
    assert not unknown


def test_no_variable_of_ours_stands_where_nobody_reads_it() -> None:
    for name, service in SERVICES.items():
        ours = [v for v in service.get("environment", {}) if v.startswith(PREFIX)]
        assert not ours or name in OURS, name


@pytest.mark.parametrize("service", OURS)
def test_every_required_setting_is_given(service: str) -> None:
    required = {
        f"{PREFIX}{name.upper()}"
        for name, field in OURS[service].model_fields.items()
        if field.is_required()
    }
    assert required <= set(given(service))


@pytest.mark.parametrize("service", OURS)
def test_every_secret_comes_from_a_file_that_its_volume_holds(service: str, tmp_path: Path) -> None:
    make_secrets.make(tmp_path)
    environment: dict[str, str] = SERVICES[service].get("environment", {})
    for name, field in OURS[service].model_fields.items():
        variable = f"{PREFIX}{name.upper()}"
        if field.annotation is not SecretStr:
            continue
        assert variable not in environment, "a secret would stand in the container's description"
        if field.is_required():
            assert f"{variable}_FILE" in environment
    files = [Path(p) for name, p in environment.items() if name.endswith("_FILE")]
    for path in files:
        assert (tmp_path / service / path.name).exists()
        assert f"secrets-{service}:{path.parent}:ro" in SERVICES[service]["volumes"]


@pytest.mark.parametrize("service", OURS)
def test_the_settings_accept_what_compose_gives(
    service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_secrets.make(tmp_path)
    for variable, value in SERVICES[service]["environment"].items():
        if value is None:
            # From the shell, and absent where the shell has none.
            monkeypatch.delenv(variable, raising=False)
            continue
        text = re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", value)
        text = text.replace("/run/forvarning", str(tmp_path / service))
        monkeypatch.setenv(variable, text)
    for name, value in entry.resolve(os.environ).items():
        monkeypatch.setenv(name, value)
    settings = OURS[service]()
    assert settings.environment == "production"
    assert settings.topic_replication == 3
    assert settings.fact_partitions == 32


def test_a_trial_can_sign_in_and_production_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_secrets.make(tmp_path)
    for name in ("cases_database_url", "cases_ops_token"):
        value = (tmp_path / "cases" / name).read_text("utf-8")
        monkeypatch.setenv(f"{PREFIX}{name.upper()}", value)
    monkeypatch.setenv("FORVARNING_CASES_DEMO_PASSWORD", "a trial")
    with pytest.raises(ValidationError, match="refused outside the local stack"):
        CasesSettings()
    monkeypatch.setenv("FORVARNING_ENVIRONMENT", "local")
    assert CasesSettings().cases_demo_password is not None
    environment = SERVICES["cases"]["environment"]
    assert environment["FORVARNING_CASES_DEMO_PASSWORD"] is None
    assert "FORVARNING_ENVIRONMENT:-production" in environment["FORVARNING_ENVIRONMENT"]


def test_what_is_acknowledged_survives_the_loss_of_a_broker() -> None:
    for service in ("topics", "ingest", "ews", "waves", "cases", "notify"):
        assert given(service)["FORVARNING_TOPIC_REPLICATION"] == "3"
        assert given(service)["FORVARNING_TOPIC_MIN_INSYNC"] == "2"
    brokers = [s for name, s in SERVICES.items() if name.startswith("kafka-")]
    assert len(brokers) == 3
    for broker in brokers:
        environment = broker["environment"]
        assert environment["KAFKA_UNCLEAN_LEADER_ELECTION_ENABLE"] == "false"
        for topic in ("OFFSETS_TOPIC", "TRANSACTION_STATE_LOG"):
            assert environment[f"KAFKA_{topic}_REPLICATION_FACTOR"] == "3"
        assert environment["KAFKA_TRANSACTION_STATE_LOG_MIN_ISR"] == "2"
    assert len({b["environment"]["KAFKA_NODE_ID"] for b in brokers}) == 3
    assert len({b["environment"]["CLUSTER_ID"] for b in brokers}) == 1
    assert all(len(b["environment"]["CLUSTER_ID"]) == 22 for b in brokers)


def test_who_depends_on_whom_waits_for_health_and_not_for_a_start() -> None:
    for name, service in SERVICES.items():
        for needed, how in service.get("depends_on", {}).items():
            target = SERVICES[needed]
            ends = target.get("restart") in ("no", "on-failure:5")
            wanted = "service_completed_successfully" if ends else "service_healthy"
            assert how["condition"] == wanted, f"{name} → {needed}"
            assert ends or "test" in target["healthcheck"], needed


def test_everything_that_lasts_has_a_health_check_and_a_limit() -> None:
    for name, service in SERVICES.items():
        if service.get("restart") == "unless-stopped":
            assert "test" in service["healthcheck"], name
            assert "mem_limit" in service, name


def test_nothing_is_reachable_from_other_machines() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_our_containers_are_read_only_unprivileged_and_without_capabilities() -> None:
    for name, service in SERVICES.items():
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert "privileged" not in service
        if service["image"].startswith("forvarning"):
            assert service["read_only"] is True, name


def test_a_worker_has_time_to_stop() -> None:
    stop = int(SERVICES["ews"]["stop_grace_period"].removesuffix("s"))
    assert stop > int(given("ews")["FORVARNING_EWS_STOP_SECONDS"])


def test_every_volume_and_network_that_is_used_is_declared() -> None:
    declared = compose()
    for name, service in SERVICES.items():
        for volume in service.get("volumes", []):
            # A folder of one's own may stand in for it: ${NAME:-what else}.
            source = re.sub(r"\$\{\w+:-([^}]+)\}", r"\1", volume).split(":")[0]
            assert source in declared["volumes"] or (ROOT / source).exists(), f"{name}: {volume}"
        assert set(service.get("networks", [])) <= set(declared["networks"])


def test_no_setting_class_is_forgotten_here() -> None:
    kinds = {
        kind
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, CommonSettings)
    }
    assert kinds == set(OURS.values())


def test_the_image_holds_what_the_commands_need() -> None:
    dockerfile = (ROOT / "deploy" / "image" / "Dockerfile").read_text("utf-8")
    ignore = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    for source in re.findall(r"^COPY (?!--from)(\S+) /", dockerfile, re.MULTILINE):
        assert (ROOT / source).exists(), source
        assert f"!{source}" in ignore, source
    users = re.findall(r"^USER (\S+)", dockerfile, re.MULTILINE)
    assert users == ["10001:10001"]
    assert dockerfile.count("\nFROM ") == 2


def test_secrets_are_made_once_and_reach_their_readers_only(tmp_path: Path) -> None:
    made = make_secrets.make(tmp_path)
    before = {file: file.read_text("utf-8") for file in made}
    assert make_secrets.make(tmp_path) == []
    assert {file: file.read_text("utf-8") for file in made} == before
    tokens = {file: text for file, text in before.items() if file.name.endswith("token")}
    assert len(set(tokens.values())) == 3
    for service in ("cases", "notify"):
        name = f"{service}_ops_token"
        assert tokens[tmp_path / service / name] == tokens[tmp_path / "oracle" / name]
    for service in make_secrets.SERVICES:
        password = before[tmp_path / "migrate" / f"{service}_database_password"]
        url = before[tmp_path / service / f"{service}_database_url"]
        assert f"forvarning_{service}:{password}@" in url
        others = set(make_secrets.SERVICES) - {service}
        assert not any(other in url for other in others)


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "cannot be read"), ("\n", "is empty")],
)
def test_a_missing_or_empty_secret_is_named(
    tmp_path: Path, content: str | None, words: str
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content, "utf-8")
    with pytest.raises(entry.SecretFileError, match=f"FORVARNING_CASES_OPS_TOKEN_FILE: .*{words}"):
        entry.resolve({"FORVARNING_CASES_OPS_TOKEN_FILE": str(file)})


def test_a_secret_given_twice_is_refused_and_paths_that_are_settings_pass(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("s\n", "utf-8")
    both = {"FORVARNING_CASES_OPS_TOKEN": "x", "FORVARNING_CASES_OPS_TOKEN_FILE": str(file)}
    with pytest.raises(entry.SecretFileError, match="leave one out"):
        entry.resolve(both)
    plain = {"FORVARNING_KAFKA_CA_FILE": "/ca.pem", "FORVARNING_CLOCK_FILE": "/c", "PATH_FILE": "x"}
    assert entry.resolve(plain) == plain
    del both["FORVARNING_CASES_OPS_TOKEN"]
    assert entry.resolve(both) == {"FORVARNING_CASES_OPS_TOKEN": "s"}
