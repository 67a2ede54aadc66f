"""The local stack as the check runs it: two workers, a simulated clock, a supervisor."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from rich.console import Console

from deploy.check.say import Diary
from deploy.check.schedule import FREEZABLE, WORKERS
from deploy.local.console import Screen
from deploy.local.environment import for_settings
from deploy.local.kafka import QUICK_JVM
from deploy.local.options import Addresses, StackOptions
from deploy.local.plan import standard_plan
from deploy.local.service import ServiceSpec
from deploy.local.stack import DATABASE, LocalStack
from services.common.cancellation import beside
from services.common.settings import CommonSettings

PARTITIONS = 8
_TEND_SECONDS = 0.1
_CUE = "freeze"


class _Lines(Screen):
    """What the launcher says goes into the diary."""

    def __init__(self, diary: Diary) -> None:
        super().__init__(Console(stderr=True, highlight=False, soft_wrap=True))
        self._diary = diary

    def line(self, text: str = "") -> None:
        if text.strip():
            self._diary.say(text.strip())

    def heading(self, text: str) -> None:
        self._diary.say(text.strip())

    def warn(self, text: str) -> None:
        self._diary.say(text)

    def error(self, text: str) -> None:
        self._diary.say(text)


class CheckStack:
    """The running stack. Everything it keeps lies in ``folder``, which a new run empties."""

    def __init__(self, folder: Path, begin: datetime, diary: Diary) -> None:
        self.folder = folder
        self.cue = folder / _CUE
        self._diary = diary
        self._options = StackOptions(
            data=folder,
            ports={},
            clock=begin,
            clock_rate=0.0,
            partitions=PARTITIONS,
            # The broker is ended and started in the middle: a quick start counts more here than
            # the last of its speed.
            kafka_jvm=QUICK_JVM,
        )
        self._over = threading.Event()
        self._at_it = threading.Lock()
        self.local = LocalStack(
            self._options, self._plan, _Lines(diary), cancelled=self._over.is_set
        )

    def _plan(self, at: Addresses) -> Iterator[ServiceSpec]:
        for spec in standard_plan(workers=len(WORKERS))(at):
            if spec.name != FREEZABLE:
                yield spec
                continue
            argv = ("-m", "deploy.check.worker", "--freeze-when", str(self.cue))
            yield replace(spec, argv=argv)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Start everything, keep it running, and end every process when the block ends."""
        shutil.rmtree(self.folder, ignore_errors=True)
        try:
            await asyncio.to_thread(self.local.start)
        except BaseException:
            # Where we are cancelled it still starts, in its thread: it gives up and stops.
            self._over.set()
            raise
        try:
            async with beside(self._tend()):
                yield
        finally:
            self._over.set()
            await asyncio.to_thread(self._stop)

    async def _tend(self) -> None:
        while True:
            await asyncio.to_thread(self._tend_once)
            await asyncio.sleep(_TEND_SECONDS)

    def _tend_once(self) -> None:
        with self._at_it:
            if not self._over.is_set():
                self.local.tend()

    def _stop(self) -> None:
        # A thread cannot be cancelled: what it is starting again would outlive the end.
        with self._at_it:
            self.local.stop()

    @property
    def processes(self) -> dict[str, int]:
        """The process id of everything that runs, by name."""
        return {child.name: child.pid for child in self.local.children() if child.running}

    def port(self, service: str) -> int:
        """Where a service listens."""
        port = self.local.services[service].spec.port
        if port is None:
            raise LookupError(f"{service} listens nowhere")
        return port

    def url(self, service: str) -> str:
        """A service's address."""
        return f"http://127.0.0.1:{self.port(service)}"

    def secret(self, name: str) -> str:
        """A setting of the services that is a secret, such as ``cases_ops_token``."""
        return self.local.addresses.values[name]

    @property
    def clock_file(self) -> Path:
        """The simulated clock of every process."""
        return Path(self.local.addresses.values["clock_file"])

    @property
    def mail_file(self) -> Path:
        """Every mail that was caught."""
        return self.local.addresses.mail_folder / "mail.mbox"

    @property
    def database_url(self) -> str:
        """The superuser's, which row-level security does not bind."""
        assert self.local.postgres is not None  # noqa: S101 - the check has no server of its own
        return self.local.postgres.dsn(DATABASE)

    @property
    def settings(self) -> CommonSettings:
        """How to reach the broker."""
        values = self.local.addresses.values
        names = (name for name in CommonSettings.model_fields if name in values)
        return CommonSettings.model_validate({name: values[name] for name in names})

    def environment(self, kind: type[CommonSettings]) -> dict[str, str]:
        """The environment variables of a process that reads ``kind``."""
        return for_settings(kind, self.local.addresses.values)
