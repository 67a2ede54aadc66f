"""Write the Kubernetes manifests: ``python -m deploy.kubernetes.build``.

Plain objects of stable APIs, without a chart: ``kubectl apply -f deploy/kubernetes/manifests``.
They expect an Apache Kafka and a PostgreSQL of your own (design D13), named in 10-settings.yaml,
and one Secret for each reader, made from your secret store (README.md lists the keys).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import SecretStr

from services.common.settings import (
    ArchiveSettings,
    CasesSettings,
    CommonSettings,
    EwsSettings,
    IngestSettings,
    MigrateSettings,
    NotifySettings,
)

TARGET = Path(__file__).with_name("manifests")
NAMESPACE = "forvarning"
IMAGE = "forvarning:local"
PORT = 8080
PREFIX = "FORVARNING_"
Manifest = dict[str, Any]


class _Plain(yaml.SafeDumper):
    """Writes a repeated object in full: whoever reads the file need not follow anchors."""

    def ignore_aliases(self, _data: object) -> bool:
        return True


SERVING = ("ingest", "ews", "waves", "cases", "notify")

#: Not secret, and the same for all: names and sizes of the installation.
SETTINGS = {
    "FORVARNING_KAFKA_BOOTSTRAP": "kafka-bootstrap.kafka.svc:9093",
    "FORVARNING_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "FORVARNING_KAFKA_CA_FILE": "/etc/forvarning/kafka-ca/ca.crt",
    "FORVARNING_FACT_PARTITIONS": "32",
    "FORVARNING_TOPIC_REPLICATION": "3",
    "FORVARNING_TOPIC_MIN_INSYNC": "2",
    "FORVARNING_CASES_PUBLIC_URL": "https://narvaro.example.org",
    "FORVARNING_INGEST_PUBLIC_URL": "https://narvaro-in.example.org",
    "FORVARNING_INGEST_SOURCE_SECRETS": "/etc/forvarning/sources",
    "FORVARNING_NOTIFY_SMTP_HOST": "smtp.example.org",
    "FORVARNING_NOTIFY_SMTP_PORT": "587",
}
_KAFKA_LOGIN = ("kafka_sasl_username", "kafka_sasl_password")
#: Left out of the Secret where the mail server wants no login.
_MAIL_LOGIN = ("notify_smtp_username", "notify_smtp_password")
#: Left out where nobody signs in with OpenID Connect (docs/sign-in.md). It holds client secrets.
_OPENID = ("cases_openid",)
_OPTIONAL = (*_MAIL_LOGIN, *_OPENID)
_SECURITY = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def secret_keys(kind: type[CommonSettings]) -> list[str]:
    """The fields that a reader of ``kind`` takes from its Secret."""
    required = [
        name
        for name, field in kind.model_fields.items()
        if field.annotation is SecretStr and field.is_required()
    ]
    kafka = [] if kind in (MigrateSettings, ArchiveSettings) else list(_KAFKA_LOGIN)
    mail = list(_MAIL_LOGIN) if kind is NotifySettings else []
    openid = list(_OPENID) if kind is CasesSettings else []
    return [*required, *kafka, *mail, *openid]


def _meta(name: str, *, component: str | None = None) -> Manifest:
    return {"name": name, "namespace": NAMESPACE, "labels": _labels(component or name)}


def _labels(component: str) -> Manifest:
    return {"app.kubernetes.io/part-of": "forvarning", "app.kubernetes.io/component": component}


def _environment(name: str, kind: type[CommonSettings]) -> list[Manifest]:
    def source(key: str) -> Manifest:
        optional = {"optional": True} if key in _OPTIONAL else {}
        return {"secretKeyRef": {"name": f"forvarning-{name}", "key": key, **optional}}

    return [
        {"name": f"{PREFIX}{key.upper()}", "valueFrom": source(key)} for key in secret_keys(kind)
    ]


def _pod(
    name: str, command: list[str], kind: type[CommonSettings], *, memory: str, cpu: str
) -> Manifest:
    container: Manifest = {
        "name": name,
        "image": IMAGE,
        "args": command,
        "envFrom": [{"configMapRef": {"name": "forvarning-settings"}}],
        "env": _environment(name, kind),
        "securityContext": _SECURITY,
        "resources": {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": memory}},
        "volumeMounts": [
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - an empty volume of the pod's own
            {"name": "kafka-ca", "mountPath": "/etc/forvarning/kafka-ca", "readOnly": True},
        ],
    }
    return {
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "runAsGroup": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [
            {"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}},
            {"name": "kafka-ca", "configMap": {"name": "kafka-ca"}},
        ],
    }


def _with_source_secrets(manifests: list[Manifest]) -> list[Manifest]:
    """Ingest reads school systems with secrets of theirs, where there are any (docs/sources.md)."""
    spec = manifests[0]["spec"]["template"]["spec"]
    where = SETTINGS["FORVARNING_INGEST_SOURCE_SECRETS"]
    spec["containers"][0]["volumeMounts"].append(
        {"name": "sources", "mountPath": where, "readOnly": True}
    )
    secret = {"secretName": "forvarning-sources", "optional": True}
    spec["volumes"].append({"name": "sources", "secret": secret})
    return manifests


def _serving(pod: Manifest, *, restore_seconds: int) -> Manifest:
    """A pod that answers: started after a restore at most, restarted without progress."""
    container = pod["containers"][0]
    container["ports"] = [{"name": "http", "containerPort": PORT}]

    def probe(path: str, period: int, failures: int) -> Manifest:
        get = {"path": path, "port": "http"}
        return {
            "httpGet": get,
            "periodSeconds": period,
            "failureThreshold": failures,
            "timeoutSeconds": 4,
        }

    container["startupProbe"] = probe("/healthz", 5, restore_seconds // 5)
    container["livenessProbe"] = probe("/healthz", 10, 6)
    container["readinessProbe"] = probe("/readyz", 5, 3)
    pod["terminationGracePeriodSeconds"] = 30
    return pod


def _template(name: str, pod: Manifest) -> Manifest:
    annotations = {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": str(PORT),
        "prometheus.io/path": "/metrics",
    }
    return {"metadata": {"labels": _labels(name), "annotations": annotations}, "spec": pod}


def _spread(name: str) -> list[Manifest]:
    """Replicas on different hosts, where there are several."""
    return [
        {
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": _labels(name)},
        }
    ]


def _deployment(
    name: str, kind: type[CommonSettings], *, memory: str, module: str | None = None
) -> list[Manifest]:
    command = ["python", "-m", module or f"services.{name}"]
    pod = _pod(name, command, kind, memory=memory, cpu="250m")
    pod = _serving(pod, restore_seconds=120)
    pod["topologySpreadConstraints"] = _spread(name)
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": _meta(name),
            "spec": {
                "replicas": 2,
                "strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
                "selector": {"matchLabels": _labels(name)},
                "template": _template(name, pod),
            },
        },
        _service(name),
        _budget(name),
    ]


def _service(name: str, *, headless: bool = False) -> Manifest:
    spec: Manifest = {
        "selector": _labels(name),
        "ports": [{"name": "http", "port": PORT, "targetPort": "http"}],
    }
    if headless:
        spec["clusterIP"] = "None"
    return {"apiVersion": "v1", "kind": "Service", "metadata": _meta(name), "spec": spec}


def _budget(name: str) -> Manifest:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": _meta(name),
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": _labels(name)}},
    }


def _ews() -> list[Manifest]:
    """A StatefulSet for stable names: a worker that is started again keeps its partitions."""
    pod = _pod("ews", ["python", "-m", "services.ews"], EwsSettings, memory="2Gi", cpu="1")
    pod = _serving(pod, restore_seconds=300)
    pod["topologySpreadConstraints"] = _spread("ews")
    pod["containers"][0]["env"].append(
        {
            "name": "FORVARNING_EWS_INSTANCE_ID",
            "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}},
        }
    )
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": _meta("ews"),
            "spec": {
                "replicas": 2,
                "serviceName": "ews",
                "podManagementPolicy": "Parallel",
                "selector": {"matchLabels": _labels("ews")},
                "template": _template("ews", pod),
            },
        },
        _service("ews", headless=True),
        _budget("ews"),
    ]


def _job(name: str, command: list[str], kind: type[CommonSettings]) -> Manifest:
    pod = _pod(name, command, kind, memory="256Mi", cpu="100m")
    pod["restartPolicy"] = "OnFailure"
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": _meta(name),
        "spec": {
            "backoffLimit": 5,
            "ttlSecondsAfterFinished": 86400,
            "template": {"metadata": {"labels": _labels(name)}, "spec": pod},
        },
    }


def _cron_job(
    name: str, command: list[str], kind: type[CommonSettings], *, schedule: str
) -> Manifest:
    """One at a time; one that was missed starts when it can, within a day."""
    job = _job(name, command, kind)
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": _meta(name),
        "spec": {
            "schedule": schedule,
            "timeZone": "Europe/Stockholm",
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": 86400,
            "successfulJobsHistoryLimit": 3,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": {
                "metadata": {"labels": _labels(name)},
                # The log of a run is read by whoever answers for the archive: it stays a month.
                "spec": job["spec"] | {"ttlSecondsAfterFinished": 31 * 86400},
            },
        },
    }


def _policies() -> list[Manifest]:
    """Nobody is reached but on the port that serves; what goes out is for the cluster to narrow."""

    def policy(name: str, spec: Manifest) -> Manifest:
        return {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": _meta(name, component="network"),
            "spec": spec,
        }

    serving = {"key": "app.kubernetes.io/component", "operator": "In"}
    return [
        policy("nothing-comes-in", {"podSelector": {}, "policyTypes": ["Ingress"]}),
        policy(
            "http-comes-in",
            {
                "podSelector": {"matchExpressions": [{**serving, "values": list(SERVING)}]},
                "policyTypes": ["Ingress"],
                "ingress": [{"ports": [{"protocol": "TCP", "port": PORT}]}],
            },
        ),
    ]


def manifests() -> dict[str, list[Manifest]]:
    """Every file and its objects, in the order in which they apply."""
    namespace = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": NAMESPACE,
            "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
        },
    }
    settings = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _meta("forvarning-settings", component="settings"),
        "data": SETTINGS,
    }
    return {
        "00-namespace.yaml": [namespace],
        "10-settings.yaml": [settings],
        "20-network.yaml": _policies(),
        "30-setup.yaml": [
            _job("migrate", ["forvarning", "migrate"], MigrateSettings),
            _job("topics", ["forvarning", "topics", "create"], CommonSettings),
        ],
        "40-ingest.yaml": _with_source_secrets(_deployment("ingest", IngestSettings, memory="1Gi")),
        "50-ews.yaml": _ews(),
        # The group step; two of them do no harm, and one going away is not noticed.
        "55-waves.yaml": _deployment(
            "waves", EwsSettings, memory="1Gi", module="services.ews.waves"
        ),
        "60-cases.yaml": _deployment("cases", CasesSettings, memory="1Gi"),
        "70-notify.yaml": _deployment("notify", NotifySettings, memory="512Mi"),
        # What the organisers have decided on goes on the second of each month, at night.
        "80-retention.yaml": [
            _cron_job(
                "retention",
                ["forvarning", "retention", "run", "--by", "schema"],
                ArchiveSettings,
                schedule="17 3 2 * *",
            )
        ],
    }


def text(objects: list[Manifest]) -> str:
    """One file's content."""
    head = "# Written by `python -m deploy.kubernetes.build`; change it there.\n"
    return head + "---\n".join(
        yaml.dump(one, Dumper=_Plain, sort_keys=False, allow_unicode=True) for one in objects
    )


def main() -> None:
    """Write all files."""
    TARGET.mkdir(exist_ok=True)
    for name, objects in manifests().items():
        (TARGET / name).write_text(text(objects), encoding="utf-8")


if __name__ == "__main__":
    main()
