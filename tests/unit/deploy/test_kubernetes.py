"""The Kubernetes manifests: current, restricted, and given every setting that they need."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from deploy.kubernetes import build
from services.common.settings import (
    ArchiveSettings,
    CasesSettings,
    CommonSettings,
    EwsSettings,
    IngestSettings,
    MigrateSettings,
    NotifySettings,
)

KINDS: dict[str, type[CommonSettings]] = {
    "migrate": MigrateSettings,
    "topics": CommonSettings,
    "ingest": IngestSettings,
    "ews": EwsSettings,
    "waves": EwsSettings,
    "cases": CasesSettings,
    "notify": NotifySettings,
    "retention": ArchiveSettings,
}
OBJECTS: list[dict[str, Any]] = [one for file in build.manifests().values() for one in file]
WORKLOADS = [
    # A scheduled job's pod stands one level deeper.
    {**o, "spec": o["spec"].get("jobTemplate", o)["spec"]}
    for o in OBJECTS
    if o["kind"] in ("Deployment", "StatefulSet", "Job", "CronJob")
]
README = Path(build.__file__).with_name("README.md")


def container(workload: dict[str, Any]) -> dict[str, Any]:
    (found,) = workload["spec"]["template"]["spec"]["containers"]
    assert isinstance(found, dict)
    return found


def by_name(workload: dict[str, Any]) -> str:
    name = workload["metadata"]["name"]
    assert isinstance(name, str)
    return name


def test_the_files_are_what_their_program_writes() -> None:
    written = {path.name: path.read_text("utf-8") for path in build.TARGET.glob("*.yaml")}
    assert written == {name: build.text(objects) for name, objects in build.manifests().items()}
    read = [one for text in written.values() for one in yaml.safe_load_all(text)]
    assert len(read) == len(OBJECTS)


def test_every_service_and_every_setup_step_is_there() -> None:
    assert {by_name(w) for w in WORKLOADS} == set(KINDS)


@pytest.mark.parametrize("workload", WORKLOADS, ids=by_name)
def test_every_variable_is_a_setting_and_every_required_one_is_given(
    workload: dict[str, Any],
) -> None:
    kind = KINDS[by_name(workload)]
    given = {entry["name"] for entry in container(workload)["env"]}
    fields = {f"{build.PREFIX}{name.upper()}": field for name, field in kind.model_fields.items()}
    assert given <= set(fields)
    assert {name for name, field in fields.items() if field.is_required()} <= given


def test_gallring_is_run_each_month_one_at_a_time() -> None:
    (found,) = (o for o in OBJECTS if o["kind"] == "CronJob")
    spec = found["spec"]
    assert re.fullmatch(r"\d+ \d+ \d+ \* \*", spec["schedule"])
    assert (spec["timeZone"], spec["concurrencyPolicy"]) == ("Europe/Stockholm", "Forbid")
    (job,) = (w for w in WORKLOADS if by_name(w) == "retention")
    assert container(job)["args"][:3] == ["forvarning", "retention", "run"]


def test_common_settings_are_settings_of_somebody() -> None:
    known = {f"{build.PREFIX}{n.upper()}" for kind in KINDS.values() for n in kind.model_fields}
    assert set(build.SETTINGS) <= known
    secret = {
        f"{build.PREFIX}{name.upper()}"
        for kind in KINDS.values()
        for name, field in kind.model_fields.items()
        if SecretStr in (field.annotation, *getattr(field.annotation, "__args__", ()))
    }
    assert not secret & set(build.SETTINGS)


def test_no_secret_is_committed_and_each_pod_reads_its_own() -> None:
    assert not [o for o in OBJECTS if o["kind"] == "Secret"]
    for workload in WORKLOADS:
        for entry in container(workload)["env"]:
            source = entry["valueFrom"]
            if "secretKeyRef" in source:
                assert source["secretKeyRef"]["name"] == f"forvarning-{by_name(workload)}"


def test_the_readme_lists_every_secret_and_key() -> None:
    text = README.read_text("utf-8")
    for name, kind in KINDS.items():
        row = re.search(rf"\| `forvarning-{name}` \| (.*) \|", text)
        assert row is not None, name
        for key in build.secret_keys(kind):
            kafka = key.startswith("kafka_sasl") and "Kafka's two" in row[1]
            assert kafka or f"`{key}`" in row[1], f"{name}: {key}"


@pytest.mark.parametrize("workload", WORKLOADS, ids=by_name)
def test_every_pod_fits_the_restricted_standard(workload: dict[str, Any]) -> None:
    pod = workload["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    security = container(workload)["securityContext"]
    assert security["allowPrivilegeEscalation"] is False
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert security["readOnlyRootFilesystem"] is True
    assert container(workload)["resources"]["limits"]["memory"]


@pytest.mark.parametrize("name", build.SERVING)
def test_what_serves_has_probes_a_service_a_budget_and_a_selector_that_fits(name: str) -> None:
    (workload,) = (w for w in WORKLOADS if by_name(w) == name)
    one = container(workload)
    assert one["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert one["readinessProbe"]["httpGet"]["path"] == "/readyz"
    labels = workload["spec"]["template"]["metadata"]["labels"]
    assert workload["spec"]["selector"]["matchLabels"] == labels
    for kind in ("Service", "PodDisruptionBudget"):
        (found,) = (o for o in OBJECTS if o["kind"] == kind and by_name(o) == name)
        selector = found["spec"]["selector"]
        assert selector.get("matchLabels", selector) == labels
    grace = workload["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert grace > EwsSettings.model_fields["ews_stop_seconds"].default


def test_what_is_acknowledged_survives_the_loss_of_a_broker() -> None:
    assert build.SETTINGS["FORVARNING_TOPIC_REPLICATION"] == "3"
    assert build.SETTINGS["FORVARNING_TOPIC_MIN_INSYNC"] == "2"
    assert build.SETTINGS["FORVARNING_KAFKA_SECURITY_PROTOCOL"].endswith("SSL")


def test_only_the_serving_port_is_open() -> None:
    policies = {by_name(o): o["spec"] for o in OBJECTS if o["kind"] == "NetworkPolicy"}
    assert policies["nothing-comes-in"] == {"podSelector": {}, "policyTypes": ["Ingress"]}
    (rule,) = policies["http-comes-in"]["ingress"]
    assert rule == {"ports": [{"protocol": "TCP", "port": build.PORT}]}
