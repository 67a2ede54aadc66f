"""One child process of the local stack: start it, wait for it, stop it within a bound."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped] # types-psutil is not among the requirements

_TETHER = Path(__file__).with_name("tether.py")
# The kernel ends a tethered child when the *thread* that started it ends. One thread that lives as
# long as this process therefore starts them all, whoever asks.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="child-starter")


class LocalStackError(Exception):
    """The local stack cannot go on; the text says why and what to do."""


class StartFailedError(LocalStackError):
    """A process ended, or was not ready in time; the text carries the end of its log."""


@dataclass(frozen=True)
class Account:
    """The operating-system account a program runs as, when it may not run as ours."""

    uid: int
    gid: int


class Child:
    """A process that this one started, tethered to its life.

    Args:
        name: what people call it, in messages.
        argv: the program and its arguments.
        log: file that receives its standard output and error, appended.
        env: its whole environment; ``None`` inherits ours.
        account: run as this account (needs root).
        death_signal: what it receives when we end without stopping it.
        stop_signal: what asks it to stop.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        account: Account | None = None,
        death_signal: signal.Signals = signal.SIGTERM,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.name = name
        self.argv = list(argv)
        self.log = log
        self._env = env
        self._cwd = cwd
        self._account = account
        self._death_signal = death_signal
        self._stop_signal = stop_signal
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0

    @property
    def pid(self) -> int:
        """The process id; an error when it was never started."""
        if self._process is None:
            raise LocalStackError(f"{self.name} has not been started.")
        return self._process.pid

    @property
    def started_at(self) -> float:
        """The kernel's start time of the process, which with the pid names it for ever."""
        return self._started_at

    @property
    def running(self) -> bool:
        """Whether it has been started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def returncode(self) -> int | None:
        """Exit status as subprocess gives it; ``None`` while it runs or before it started."""
        return None if self._process is None else self._process.poll()

    def start(self) -> None:
        """Start it. Returns at once: use :meth:`wait_ready` to know that it works."""
        if self.running:
            raise LocalStackError(f"{self.name} is already running (pid {self.pid}).")
        self._process = _starter.submit(self._spawn).result()
        self._started_at = start_time(self._process.pid) or 0.0

    def _spawn(self) -> subprocess.Popen[bytes]:
        account = f"{self._account.uid}:{self._account.gid}" if self._account else "-"
        tether = [sys.executable, "-S", "-E", str(_TETHER)]
        argv = [*tether, str(os.getpid()), str(int(self._death_signal)), account, *self.argv]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=None if self._env is None else dict(self._env),
                cwd=self._cwd,
                # Ctrl-C in a terminal goes to the launcher alone, which stops the rest in order.
                start_new_session=True,
            )

    def wait_ready(self, ready: Callable[[], bool], *, seconds: float) -> None:
        """Return when ``ready()`` is true; StartFailedError when it ended or took too long."""
        deadline = time.monotonic() + seconds
        while not ready():
            if not self.running:
                raise StartFailedError(
                    f"{self.name} ended while it started (exit status {self.returncode}).\n"
                    f"{self.log_end()}"
                )
            if time.monotonic() > deadline:
                raise StartFailedError(
                    f"{self.name} was not ready after {seconds:.0f} s.\n{self.log_end()}"
                )
            time.sleep(0.05)

    def stop(self, *, seconds: float = 20.0) -> bool:
        """Ask it to stop; after ``seconds`` end it by SIGKILL. True when it stopped by itself."""
        if self._process is None or self._process.poll() is not None:
            return True
        self._process.send_signal(signal.SIGCONT)
        self._process.send_signal(self._stop_signal)
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return False
        return True

    def kill(self) -> None:
        """End it by SIGKILL, at once and without a chance to clean up."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)

    def freeze(self) -> None:
        """Stop its time (SIGSTOP)."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let its time run again (SIGCONT)."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def log_end(self, lines: int = 20) -> str:
        """The last lines of its log, for a message."""
        try:
            text = self.log.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            return f"(its log {self.log} cannot be read: {error})"
        tail = "\n".join(text.splitlines()[-lines:])
        return f"The end of {self.log}:\n{tail}"


def start_time(pid: int) -> float | None:
    """When the process started, by the kernel's book; ``None`` when it has ended.

    A pid is used again, so only pid and start time together name a process.
    """
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return float(process.create_time())
    except psutil.NoSuchProcess:
        return None


def command_line(pid: int) -> list[str]:
    """The program and arguments of a process; empty when it has ended or is not ours to see."""
    try:
        return list(psutil.Process(pid).cmdline())
    except psutil.Error:
        return []


def free_port(*, host: str = "127.0.0.1") -> int:
    """A TCP port that nobody listens on at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def port_is_taken(port: int, *, host: str = "127.0.0.1") -> bool:
    """Whether somebody listens on the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
        return False
