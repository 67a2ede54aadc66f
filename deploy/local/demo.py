"""The demonstration: a small municipality on a simulated school day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from deploy.local.options import Addresses
from deploy.local.service import ServiceSpec
from deploy.local.stack import LocalStack, Plan
from services.common.clock import STOCKHOLM

#: A school Tuesday in the middle of the autumn term, whatever day the host has.
BEGIN = datetime(2026, 11, 24, 7, 30, tzinfo=STOCKHOLM)
#: A simulated minute a second: the first lesson ends within a minute of the start.
RATE = 60.0


def with_simulator(plan: Plan) -> Plan:
    """The plan, followed by the simulator."""

    def extended(at: Addresses) -> Iterator[ServiceSpec]:
        yield from plan(at)
        yield ServiceSpec(
            "simulator",
            (
                "-m",
                "bench.simulator",
                "demo",
                f"--ingest=http://127.0.0.1:{at.ports.get('ingest')}",
                f"--clock-file={at.values['clock_file']}",
                f"--state={at.mail_folder.parent / 'simulator'}",
            ),
            {"FORVARNING_INGEST_OPS_TOKEN": at.values["ingest_ops_token"]},
            stop_seconds=10,
            finishes=True,
        )

    return extended


def announcement(stack: LocalStack) -> Iterator[str]:
    """What the newcomer needs to know."""
    mail = stack.services.get("mail")
    if mail is not None:
        yield f"Mail that would have been sent: http://127.0.0.1:{mail.spec.port}/"
