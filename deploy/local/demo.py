"""The demonstration: a small municipality on a simulated school day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta

from deploy.local.options import Addresses
from deploy.local.service import ServiceSpec
from deploy.local.stack import LocalStack, Plan
from services.common.clock import STOCKHOLM

#: A school Tuesday in the middle of the autumn term, whatever day the host has.
BEGIN = datetime(2026, 11, 24, 7, 30, tzinfo=STOCKHOLM)
#: A minute and a half a second: the first lessons begin half a minute after the start.
RATE = 90.0
#: The demo's data is made up and its pages answer on loopback only, so the password may be short.
PASSWORD = "demo"  # noqa: S105 - see above
LOGINS = (
    ("narvaro.u1", "närvaroansvarig, den första skolan"),
    ("rektor.u1", "rektor, den första skolan"),
    ("elevhalsa.u1", "elevhälsa, den första skolan"),
    ("mentor.u1-7a", "mentor, klass 7A"),
    ("koordinator.norr", "koordinator, Område Norr"),
    ("teamledare.norr", "teamledare, Område Norr"),
    ("omradeschef.norr", "områdeschef, Område Norr"),
    ("anmalan", "handläggare hos huvudmannen"),
    ("skolplikt", "skolpliktshandläggare"),
    ("namnd", "nämnden: antal, inga elever"),
    ("drift", "drift: inga elever"),
)
_EVENING, _MORNING = time(20, 0), time(7, 0)


def skip_the_night(now: datetime) -> datetime | None:
    """After 20:00 and at weekends nothing happens: the next weekday's 07:00, else ``None``."""
    local = now.astimezone(STOCKHOLM)
    weekend = local.weekday() >= 5
    if not weekend and _MORNING <= local.time() < _EVENING:
        return None
    day = local.date()
    if weekend or local.time() >= _EVENING:
        day += timedelta(days=1)
    while day.weekday() >= 5:
        day += timedelta(days=1)
    return datetime.combine(day, _MORNING, STOCKHOLM)


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
    """Where to look and how to sign in, for the demo's newcomer."""
    web, mail = stack.services.get("cases"), stack.services.get("mail")
    if web is not None and "simulator" in stack.services:
        yield f"Watch it happen:    http://127.0.0.1:{web.spec.port}/demo"
    if mail is not None:
        yield f"Mail it would send: http://127.0.0.1:{mail.spec.port}/"
    password = stack.addresses.values.get("cases_demo_password")
    if password and "simulator" in stack.services:
        yield f"Sign in with the password {password} as"
        yield from (f"  {login:<18} {who}" for login, who in LOGINS)
    elif password:
        yield f"Sign in with any login of the roster and the password {password}"
