"""One child process of the local stack: start it, wait for it, stop it within a bound."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

_TETHER = Path(__file__).with_name("tether.py")
_FIRST_FREE_PORT, _LAST_FREE_PORT = 20_000, 32_000
# The kernel ends a tethered child when the *thread* that started it ends. One thread that lives as
# long as this process therefore starts them all, whoever asks.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="child-starter")


class LocalStackError(Exception):
    """The local stack cannot go on; the text says why and what to do."""


class StartFailedError(LocalStackError):
    """A process ended, or was not ready in time; the text carries the end of its log."""


class StopRequestedError(LocalStackError):
    """Somebody asked the stack to stop while it was starting."""


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
        stop_signal: what asks it to stop; also sent by the kernel when we end without asking.
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
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.name = name
        self.argv = list(argv)
        self.log = log
        self._env = env
        self._cwd = cwd
        self._account = account
        self.stop_signal = stop_signal
        self._process: subprocess.Popen[bytes] | None = None
        self._identity = ""

    @property
    def pid(self) -> int:
        """The process id; an error when it was never started."""
        if self._process is None:
            raise LocalStackError(f"{self.name} has not been started.")
        return self._process.pid

    @property
    def identity(self) -> str:
        """Which with the pid names the process for ever (see :func:`identity`)."""
        return self._identity

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
        self._identity = identity(self._process.pid) or ""

    def _spawn(self) -> subprocess.Popen[bytes]:
        account = f"{self._account.uid}:{self._account.gid}" if self._account else "-"
        tether = [sys.executable, "-S", "-E", str(_TETHER)]
        argv = [*tether, str(os.getpid()), str(int(self.stop_signal)), account, *self.argv]
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

    def wait_ready(
        self,
        ready: Callable[[], bool],
        *,
        seconds: float,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        """Return when ``ready()`` is true.

        Raises:
            StartFailedError: it ended, or was not ready within ``seconds``.
            StopRequestedError: ``cancelled()`` became true.
        """
        deadline = time.monotonic() + seconds
        while not ready():
            if cancelled():
                raise StopRequestedError(f"Stopped while {self.name} was starting.")
            # A program whose end is what is waited for may have ended since it was asked.
            if not self.running and not ready():
                raise StartFailedError(
                    f"{self.name} ended while it started (exit status {self.returncode}).\n"
                    f"{self.log_end()}"
                )
            if time.monotonic() > deadline:
                raise StartFailedError(
                    f"{self.name} was not ready after {seconds:.0f} s.\n{self.log_end()}"
                )
            time.sleep(0.05)

    def stop(self, *, seconds: float = 20.0, at_once: Callable[[], bool] = lambda: False) -> bool:
        """Ask it to stop; true when it stopped by itself.

        After ``seconds``, or as soon as ``at_once()`` is true, it is ended by SIGKILL.
        """
        if self._process is None or self._process.poll() is not None:
            return True
        self._process.send_signal(signal.SIGCONT)
        self._process.send_signal(self.stop_signal)
        deadline = time.monotonic() + seconds
        while self._process.poll() is None:
            if at_once() or time.monotonic() > deadline:
                self.kill()
                return False
            time.sleep(0.02)
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


def identity(pid: int) -> str | None:
    """What tells this process from every other that ever had its pid; ``None`` when it has ended.

    On Linux the boot's id and the start time in clock ticks since that boot (proc(5)), which no
    change of the wall clock touches; elsewhere the start time that ps(1) prints.
    """
    if sys.platform == "linux":
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
            boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        except OSError:
            return None
        # The name may hold spaces and brackets: the fields follow its last one.
        fields = stat[stat.rindex(")") + 2 :].split()
        return None if fields[0] in "ZX" else f"{boot}/{fields[19]}"
    listed = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], check=False, capture_output=True, text=True
    )
    state, _, started = listed.stdout.strip().partition(" ")
    return started.strip() if started and not state.startswith("Z") else None


def command_line(pid: int) -> list[str]:
    """The program and arguments of a process on Linux; empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8").split("\0")[:-1]
    except OSError:
        return []


def free_port(*, host: str = "127.0.0.1") -> int:
    """A TCP port that nobody listens on at this moment.

    Chosen below the range from which the system takes ports for outgoing connections, one of which
    could otherwise take it before a slow program listens.
    """
    for _ in range(200):
        port = _FIRST_FREE_PORT + secrets.randbelow(_LAST_FREE_PORT - _FIRST_FREE_PORT)
        if not port_is_taken(port, host=host):
            return port
    raise LocalStackError(f"No free port between {_FIRST_FREE_PORT} and {_LAST_FREE_PORT}.")


def port_is_taken(port: int, *, host: str = "127.0.0.1") -> bool:
    """Whether somebody listens on the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
        return False
