"""The local stack (design D13): servers, schemas, topics, services; supervised, resumable."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deploy.local import jars
from deploy.local.clock import SimulatedClock
from deploy.local.console import Screen
from deploy.local.environment import (
    database_values,
    inherited,
    load_secrets,
    migrate_settings,
    write_for_commands,
)
from deploy.local.kafka import KafkaServer
from deploy.local.ledger import Ledger
from deploy.local.options import Addresses, StackOptions
from deploy.local.ports import Ports
from deploy.local.postgres import PostgresServer
from deploy.local.process import Child, LocalStackError, StartFailedError, StopRequestedError
from deploy.local.reach import check_kafka, check_postgres
from deploy.local.service import Service, ServiceSpec, ending
from services.common.kafka import create_topics
from services.common.migrate import migrate
from services.common.settings import CommonSettings

ROOT = Path(__file__).resolve().parents[2]
DATABASE = "forvarning"
#: What the services import.
_ENTRANCES = (
    "services.ingest.main",
    "services.notify.main",
    "deploy.local.mailcatcher",
    "bench.simulator.cli",
    "services.ews.app",
    "services.cases.app",
)
_COMMANDS_REACH = {
    "ingest_url": "ingest",
    "oracle_cases_url": "cases",
    "oracle_notify_url": "notify",
}


#: Says which services run, once the addresses are known.
Plan = Callable[[Addresses], Iterable[ServiceSpec]]


class LocalStack:
    """Starts everything in order, keeps it running, and stops it in reverse order.

    ``start`` returns when every part is ready, or stops what it has started and raises
    :class:`LocalStackError`. ``tend`` is called a few times a second. ``stop`` is bounded in
    time and leaves the data so that the next ``start`` goes on from it.
    """

    def __init__(
        self,
        options: StackOptions,
        plan: Plan,
        screen: Screen,
        *,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        self.options = options
        self.services: dict[str, Service] = {}
        self.kafka: KafkaServer | None = None
        self.postgres: PostgresServer | None = None
        self.clock: SimulatedClock | None = None
        self._plan = plan
        self._screen = screen
        self._cancelled = cancelled
        self._ledger = Ledger(options.data)
        self._addresses: Addresses | None = None
        self._ports: Ports | None = None
        self._compiler: Child | None = None
        self._servers_again_at = 0.0
        self._recording = threading.Lock()

    @property
    def addresses(self) -> Addresses:
        """Known once the stack has started."""
        if self._addresses is None:
            raise LocalStackError("The stack has not been started.")
        return self._addresses

    # -- start ------------------------------------------------------------------------------

    def start(self) -> None:
        """Start everything that is not one's own; see the class."""
        data = self.options.data
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._ledger.claim()
        try:
            left = self._ledger.end_leftovers()
            if left:
                self._screen.warn(f"Ended what an interrupted run left: {', '.join(left)}.")
            self._start_everything()
        except BaseException:
            self.stop()
            raise

    def _start_everything(self) -> None:
        options = self.options
        self._ports = ports = Ports(options.data / "run" / "ports.json", options.ports)
        ports.claim_asked()
        values = {
            "environment": "local",
            "topic_replication": str(options.replication),
            "topic_min_insync": str(max(1, options.replication - 1)),
            "fact_partitions": str(options.partitions),
            **load_secrets(options.data / "secrets.json"),
        }
        values["kafka_bootstrap"] = self._prepare_kafka(ports)
        self._compile_ahead()
        # Kafka formats its storage and starts while PostgreSQL does the same.
        with ThreadPoolExecutor(1, thread_name_prefix="kafka") as beside:
            launched = beside.submit(self._launch_kafka)
            admin_url = self._start_postgres(ports)
            launched.result()
        values |= database_values(admin_url, values)
        if options.clock is not None:
            self.clock = SimulatedClock(
                options.data / "clock.json",
                begin=options.clock,
                rate=options.clock_rate,
                skip=options.clock_skip,
            )
            self.clock.start()
            values["clock_file"] = str(self.clock.file)
        values |= options.settings
        self._addresses = Addresses(values, ports, options.data / "mail")
        with self._screen.step("migrations") as result:
            applied = asyncio.run(migrate(migrate_settings(values)))
            result(f"{len(applied)} applied" if applied else "up to date")
        self._wait_for_kafka()
        with self._screen.step("topics") as result:
            made = asyncio.run(create_topics(_common(values)))
            result(f"{len(made)} created" if made else "all there")
        self._start_services()
        self._write_for_commands()
        if self.clock is not None:
            self.clock.run()
        for remark in ports.remarks:
            self._screen.warn(remark)

    def _prepare_kafka(self, ports: Ports) -> str:
        """Everything that can be refused before a process is started."""
        options = self.options
        if options.kafka is not None:
            check_kafka(options.kafka)
            return options.kafka
        with self._screen.download("Apache Kafka") as show:

            def progress(done: int, total: int, _name: str) -> None:
                self._check_cancelled()
                show(done, total)

            jars.ensure(cache=options.jar_cache, progress=progress)
        self.kafka = KafkaServer(
            options.data / "kafka",
            port=ports.get("kafka"),
            heap=options.heap,
            jvm=options.kafka_jvm,
            cache=options.jar_cache,
        )
        return self.kafka.bootstrap

    def _launch_kafka(self) -> None:
        if self.kafka is not None:
            self.kafka.launch()
            self._record()

    def _compile_ahead(self) -> None:
        """At the first start, let one process compile what the services have in common.

        They start at the same moment, and each would compile nearly all of it for itself.
        """
        if self._bytecode.exists():
            return
        self._compiler = Child(
            "compiler",
            [sys.executable, "-c", f"import {', '.join(_ENTRANCES)}"],
            log=self.options.data / "run" / "compiler.log",
            env=self._environment(),
            cwd=ROOT,
        )
        self._compiler.start()

    def _wait_for_kafka(self) -> None:
        if self.kafka is not None:
            with self._screen.step("Apache Kafka") as result:
                self.kafka.wait_ready(cancelled=self._cancelled)
                result(self.kafka.bootstrap)

    def _start_postgres(self, ports: Ports) -> str:
        options = self.options
        if options.postgres is not None:
            check_postgres(options.postgres)
            return options.postgres
        self.postgres = PostgresServer(
            options.data / "postgres",
            port=ports.get("postgres"),
            settings=options.postgres_settings,
        )
        with self._screen.step("PostgreSQL") as result:
            self.postgres.start(cancelled=self._cancelled)
            self._record()
            self.postgres.ensure_database(DATABASE)
            result(f"127.0.0.1:{self.postgres.port}")
        return self.postgres.dsn(DATABASE)

    def _start_services(self) -> None:
        logs = self.options.data / "logs"
        logs.mkdir(exist_ok=True)
        base = self._environment()
        for spec in self._plan(self.addresses):
            service = Service(spec, logs, base, cwd=ROOT)
            self.services[spec.name] = service
            service.start()
            self._record()
        for service in self.services.values():
            with self._screen.step(service.name) as result:
                service.wait_ready(seconds=self.options.ready_seconds, cancelled=self._cancelled)
                port = service.spec.port
                result("started" if port is None else f"127.0.0.1:{port}")

    @property
    def _bytecode(self) -> Path:
        return Path(os.environ.get("PYTHONPYCACHEPREFIX") or self.options.data / "bytecode")

    def _environment(self) -> dict[str, str]:
        """What every process of the stack inherits.

        Compiled modules are kept, with the stack's data unless the shell names a place for them:
        each start and each restart would otherwise compile for seconds.
        """
        own = {
            "PYTHONUNBUFFERED": "1",
            "PYTHONPATH": _python_path(),
            "PYTHONDONTWRITEBYTECODE": "",
            "PYTHONPYCACHEPREFIX": str(self._bytecode),
        }
        return {**inherited(), **own}

    @property
    def commands_file(self) -> Path:
        """For a shell: what `forvarning oracle` and the like need to reach this stack."""
        return self.options.data / "run" / "environment"

    def _write_for_commands(self) -> None:
        urls = {
            setting: f"http://127.0.0.1:{self.services[name].spec.port}"
            for setting, name in _COMMANDS_REACH.items()
            if name in self.services
        }
        write_for_commands(self.commands_file, {**self.addresses.values, **urls})

    # -- while it runs ----------------------------------------------------------------------

    def tend(self) -> None:
        """Start again what has died, after a growing delay, and say so."""
        if self.clock is not None:
            self.clock.beat()
        self._tend_servers()
        for service in self.services.values():
            news = service.tend()
            if news is not None:
                self._screen.warn(f"{time.strftime('%H:%M:%S')} {news}")
                self._record()

    def _tend_servers(self) -> None:
        if time.monotonic() < self._servers_again_at:
            return
        for name, server in (("PostgreSQL", self.postgres), ("Apache Kafka", self.kafka)):
            if server is None or server.running or server.left_alone:
                continue
            how = ending(server.process.returncode)
            self._screen.warn(f"{time.strftime('%H:%M:%S')} {name} ended ({how}); starting again.")
            try:
                if isinstance(server, KafkaServer):
                    server.launch()
                    self._record()
                    server.wait_ready(cancelled=self._cancelled)
                else:
                    server.start(cancelled=self._cancelled)
            except StopRequestedError:
                return
            except StartFailedError as error:
                self._screen.error(str(error))
                self._servers_again_at = time.monotonic() + 10
            self._record()

    # -- stop -------------------------------------------------------------------------------

    def stop(self, *, at_once: Callable[[], bool] = lambda: False) -> None:
        """Stop in reverse order of the start, each part within its bound.

        Once ``at_once()`` is true the rest is ended by SIGKILL, which loses nothing either: the
        servers write ahead and the services redo what they had not finished.
        """
        if self._compiler is not None:
            self._compiler.kill()
        for service in reversed(self.services.values()):
            if not service.stop(at_once=at_once) and not at_once():
                self._screen.warn(f"{service.name} did not stop in time and was ended.")
        # The clock stands still before the servers go, so that nobody sees them gone in time.
        if self.clock is not None:
            self.clock.stop()
        if self.kafka is not None:
            self.kafka.stop(at_once=at_once)
        if self.postgres is not None:
            self.postgres.stop(at_once=at_once)
        self._record()
        if self._ports is not None:
            self._ports.close()
        self._ledger.release()

    # -- helpers ----------------------------------------------------------------------------

    def children(self) -> list[Child]:
        """Every process of the stack that has been started."""
        servers = [one for one in (self.postgres, self.kafka) if one is not None and one.started]
        processes = [server.process for server in servers]
        if self._compiler is not None:
            processes.append(self._compiler)
        return [*processes, *(service.child for service in self.services.values())]

    def _record(self) -> None:
        with self._recording:
            self._ledger.record(self.children())

    def _check_cancelled(self) -> None:
        if self._cancelled():
            raise StopRequestedError("Stopped while the stack was starting.")


def _common(values: Mapping[str, str]) -> CommonSettings:
    fields = {name: values[name] for name in CommonSettings.model_fields if name in values}
    return CommonSettings.model_validate(fields)


def _python_path() -> str:
    """The services are imported from this tree, wherever the launcher was called from."""
    ours = [str(ROOT), str(ROOT / "proto" / "gen")]
    return os.pathsep.join([*ours, *filter(None, [os.environ.get("PYTHONPATH", "")])])
