"""`forvarning up`: the whole system on this machine, in the foreground, until Ctrl-C."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from deploy.local import demo
from deploy.local.console import Screen
from deploy.local.kafka import DEFAULT_HEAP, QUICK_JVM
from deploy.local.options import StackOptions
from deploy.local.plan import standard_plan
from deploy.local.ports import PREFERRED
from deploy.local.process import LocalStackError, StopRequestedError
from deploy.local.stack import LocalStack, Plan
from services.common.clock import STOCKHOLM

app = typer.Typer(add_completion=False)
_TEND_SECONDS = 0.2


class Stopper:
    """Turns the first Ctrl-C or SIGTERM into a request, the second into haste."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._times = 0

    def asked(self) -> bool:
        """Whether somebody has asked to stop."""
        return self._asked.is_set()

    def in_haste(self) -> bool:
        """Whether somebody has asked twice."""
        return self._times > 1

    def wait(self, seconds: float) -> bool:
        """Wait; true as soon as somebody has asked."""
        return self._asked.wait(seconds)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take SIGINT, SIGTERM and SIGHUP (a closed terminal) while the body runs."""

        def handler(_number: int, _frame: object) -> None:
            self._times += 1
            self._asked.set()

        kinds = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {kind: signal.signal(kind, handler) for kind in kinds}
        try:
            yield
        finally:
            for kind, old in before.items():
                signal.signal(kind, old)


def run_stack(options: StackOptions, plan: Plan, screen: Screen, stopper: Stopper) -> int:
    """Run until somebody asks to stop; the exit status: 0 asked to stop, 1 could not start."""
    stack = LocalStack(options, plan, screen, cancelled=stopper.asked)
    with stopper.listening():
        try:
            stack.start()
        except StopRequestedError:
            screen.line("Stopped.")
            return 0
        except LocalStackError as error:
            screen.error(str(error))
            return 1
        try:
            _announce(stack, screen)
            while not stopper.wait(_TEND_SECONDS):
                stack.tend()
        finally:
            screen.line("Stopping; press Ctrl-C again to end everything at once …")
            stack.stop(at_once=stopper.in_haste)
            screen.line(f"Stopped. The next start with the same folder goes on from {options.data}")
    return 0


def _announce(stack: LocalStack, screen: Screen) -> None:
    web = stack.services.get("cases")
    if web is not None and web.spec.port is not None:
        screen.heading(f"\nOpen http://127.0.0.1:{web.spec.port}/")
    for text in demo.announcement(stack):
        screen.line(text)
    screen.line(f"For other commands, first: . {stack.commands_file}")
    screen.line(f"Data and logs: {stack.options.data}   Ctrl-C stops everything.")


@app.command()
def up(  # noqa: PLR0917 - typer calls it by name
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Keep everything here; by default var/local."),
    ] = None,
    demonstration: Annotated[
        bool,
        typer.Option(
            "--demo",
            help="A small municipality on a simulated school Tuesday from 07:30; data in var/demo.",
        ),
    ] = False,
    workers: Annotated[int, typer.Option(min=1, max=16, help="EWS workers.")] = 1,
    kafka: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Use a Kafka of your own (3.7+).")
    ] = None,
    postgres: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Use a PostgreSQL of your own (15+), as a superuser."),
    ] = None,
    replication: Annotated[
        int, typer.Option(min=1, max=7, help="Replicas of each topic on a Kafka of your own.")
    ] = 1,
    port: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=NUMBER",
            help=f"Insist on a port. Names: {', '.join(PREFERRED)}. Repeatable.",
        ),
    ] = None,
    clock: Annotated[
        str | None,
        typer.Option(
            metavar="INSTANT",
            help="Simulate the time from here on, for instance 2026-11-24T07:30 (Stockholm).",
        ),
    ] = None,
    rate: Annotated[
        float | None, typer.Option(min=0.1, max=3600, help="Simulated seconds a second.")
    ] = None,
    partitions: Annotated[
        int, typer.Option(min=1, max=1024, help="Of the input log; fixed at the first start.")
    ] = 8,
    kafka_heap: Annotated[
        str, typer.Option(metavar="SIZE", help="Kafka's largest heap.")
    ] = DEFAULT_HEAP,
) -> None:
    """Run everything on this machine: PostgreSQL, Apache Kafka and the services.

    Nothing needs to be installed but this package. What is missing is fetched once and checked
    against a list of checksums. Ctrl-C stops everything; the next start goes on from the same
    data.
    """
    folder = data or Path("var") / ("demo" if demonstration else "local")
    begin = _instant(clock) if clock else (demo.BEGIN if demonstration else None)
    options = StackOptions(
        data=folder.resolve(),
        ports=_ports(port or []),
        kafka=kafka,
        postgres=postgres,
        replication=replication,
        clock=begin,
        clock_rate=rate or (demo.RATE if demonstration else 1.0),
        clock_skip=demo.skip_the_night if demonstration else lambda _now: None,
        partitions=partitions,
        heap=kafka_heap,
        # The demo's load is small; its newcomer waits for the first page.
        kafka_jvm=QUICK_JVM if demonstration else (),
        settings={"cases_demo_password": demo.PASSWORD} if demonstration else {},
    )
    if rate is not None and begin is None:
        raise typer.BadParameter("it needs --clock or --demo", param_hint="--rate")
    plan = standard_plan(workers=workers)
    if demonstration:
        plan = demo.with_simulator(plan)
    screen = Screen()
    screen.heading(f"Förvarning · {options.data}")
    raise typer.Exit(run_stack(options, plan, screen, Stopper()))


def _ports(asked: list[str]) -> dict[str, int]:
    ports: dict[str, int] = {}
    for text in asked:
        name, _, number = text.partition("=")
        known = name in PREFERRED or name.startswith("ews-")
        if not known or not number.isdigit() or not 0 < int(number) < 65536:
            raise typer.BadParameter(
                f"{text!r}: write NAME=NUMBER, with a name of {', '.join(PREFERRED)}.",
                param_hint="--port",
            )
        ports[name] = int(number)
    return ports


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no instant; write for instance 2026-11-24T07:30.", param_hint="--clock"
        ) from None
    return instant if instant.tzinfo else instant.replace(tzinfo=STOCKHOLM)
