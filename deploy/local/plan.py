"""The services of the local stack, in the order in which they start."""

from __future__ import annotations

from collections.abc import Iterator

from deploy.local.options import Addresses
from deploy.local.service import ServiceSpec
from deploy.local.stack import Plan
from services.common.settings import CasesSettings, EwsSettings, IngestSettings, NotifySettings


def standard_plan(*, workers: int = 1) -> Plan:
    """Mail catcher, ingest, EWS workers and their group step, cases, notify."""

    def plan(at: Addresses) -> Iterator[ServiceSpec]:
        web = f"http://127.0.0.1:{at.ports.get('web')}"
        mail = f"http://127.0.0.1:{at.ports.get('mail')}"
        yield ServiceSpec(
            "mail",
            (
                "-m",
                "deploy.local.mailcatcher",
                f"--smtp-port={at.ports.get('smtp')}",
                f"--http-port={at.ports.get('mail')}",
                f"--mbox={at.mail_folder / 'mail.mbox'}",
            ),
            port=at.ports.get("mail"),
            stop_seconds=10,
        )
        yield ServiceSpec(
            "ingest",
            ("-m", "services.ingest"),
            at.environment(IngestSettings, "ingest"),
            port=at.ports.get("ingest"),
        )
        for number in range(1, workers + 1):
            name = f"ews-{number}"
            yield ServiceSpec(
                name,
                ("-m", "services.ews"),
                # What is started again keeps its partitions: no rebalance, no waiting for the dead
                # member's session to run out. The same holds for cases and notify.
                at.environment(EwsSettings, name) | {"FORVARNING_EWS_INSTANCE_ID": name},
                port=at.ports.get(name),
            )
        yield ServiceSpec(
            "waves",
            ("-m", "services.ews.waves"),
            at.environment(EwsSettings, "waves"),
            port=at.ports.get("waves"),
        )
        yield ServiceSpec(
            "cases",
            ("-m", "services.cases"),
            at.environment(CasesSettings, "web")
            | {
                "FORVARNING_CASES_INSTANCE_ID": "cases",
                "FORVARNING_CASES_PUBLIC_URL": web,
                "FORVARNING_MAILCATCHER_URL": mail,
                "FORVARNING_INGEST_URL": f"http://127.0.0.1:{at.ports.get('ingest')}",
            },
            port=at.ports.get("web"),
        )
        yield ServiceSpec(
            "notify",
            ("-m", "services.notify"),
            at.environment(NotifySettings, "notify")
            | {
                "FORVARNING_NOTIFY_INSTANCE_ID": "notify",
                "FORVARNING_CASES_PUBLIC_URL": web,
                "FORVARNING_NOTIFY_SMTP_HOST": "127.0.0.1",
                "FORVARNING_NOTIFY_SMTP_PORT": str(at.ports.get("smtp")),
                "FORVARNING_NOTIFY_SMTP_STARTTLS": "false",
            },
            port=at.ports.get("notify"),
        )

    return plan
