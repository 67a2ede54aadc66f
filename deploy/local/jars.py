"""Apache Kafka's jars: fetched once per user, and never used unless every SHA-256 is the lock's.

The lock (``kafka-jars.lock.toml``) names Maven coordinates, sizes and sums, and no host: where
they come from is Maven's business. A jar is looked for in the cache, then in Maven's own local
repository (``~/.m2``, read only), then fetched by jgo, which honours proxy variables, ``M2_REPO``
and the ``[repositories]`` of its own configuration file.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local.process import LocalStackError

LOCK_FILE = Path(__file__).with_name("kafka-jars.lock.toml")
_FETCHERS = 6
_TRIES = 3
_TIMEOUT_SECONDS = 60

#: Told after each jar that was fetched: (bytes so far, bytes in all, file name).
Progress = Callable[[int, int, str], None]


class JarRefusedError(LocalStackError):
    """A jar is not the one the lock names."""


class JarsMissingError(LocalStackError):
    """The jars could not be fetched; the text says what was tried and how to go on."""


@dataclass(frozen=True)
class Jar:
    """One locked artifact."""

    group: str
    artifact: str
    version: str
    sha256: str
    size: int

    @property
    def file_name(self) -> str:
        """Its name in the cache, which is Maven's."""
        return f"{self.artifact}-{self.version}.jar"

    @property
    def coordinate(self) -> str:
        """Maven's name for it, group:artifact:version."""
        return f"{self.group}:{self.artifact}:{self.version}"

    @property
    def repository_path(self) -> Path:
        """Where a Maven repository keeps it."""
        return Path(*self.group.split("."), self.artifact, self.version, self.file_name)


@dataclass(frozen=True)
class Lock:
    """Every jar of one Kafka version."""

    kafka_version: str
    jars: tuple[Jar, ...]
    digest: str

    @property
    def folder_name(self) -> str:
        """A cache folder of its own for each content, so that locks never mix."""
        return f"kafka-{self.kafka_version}-{self.digest[:12]}"


def default_cache() -> Path:
    """``$XDG_CACHE_HOME/forvarning``, by default ``~/.cache/forvarning``."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG base directory specification ignores relative paths.
    root = Path(base) if base.startswith("/") else Path.home() / ".cache"
    return root / "forvarning"


def read_lock(path: Path = LOCK_FILE) -> Lock:
    """Read the committed lock."""
    content = path.read_bytes()
    data = tomllib.loads(content.decode("utf-8"))
    jars = tuple(Jar(**entry) for entry in data["jar"])
    return Lock(data["kafka"], jars, hashlib.sha256(content).hexdigest())


def ensure(
    lock: Lock | None = None,
    *,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Path:
    """Return the folder that holds exactly the locked jars, each with the right sum.

    Raises:
        JarRefusedError: a jar in the cache has another sum, or what was fetched has.
        JarsMissingError: a jar is nowhere to be had.
    """
    lock = lock or read_lock()
    folder = (cache or default_cache()) / lock.folder_name
    folder.mkdir(parents=True, exist_ok=True)
    with _only_one(folder.with_suffix(".lock")):
        _refuse_strangers(lock, folder)
        missing = [jar for jar in lock.jars if not _is_good(jar, folder / jar.file_name)]
        if missing:
            _fetch_all(lock, missing, folder, progress)
    return folder


def _refuse_strangers(lock: Lock, folder: Path) -> None:
    """Everything in the folder is on the class path, so nothing else may lie in it."""
    strangers = {path.name for path in folder.glob("*.jar")} - {j.file_name for j in lock.jars}
    if strangers:
        raise JarRefusedError(
            f"{folder} holds jars that are not in the lock: {', '.join(sorted(strangers))}. "
            "Remove them and start again."
        )


def _is_good(jar: Jar, path: Path) -> bool:
    """Whether it is there and right; a wrong one is refused, never silently replaced."""
    if not path.exists():
        return False
    found = _sha256(path)
    if found != jar.sha256:
        raise JarRefusedError(
            f"{jar.file_name} is not the jar that the lock names ({jar.coordinate}): its SHA-256 "
            f"is {found} and must be {jar.sha256}. Nothing was started. Find out who changed "
            f"{path}; when you have removed it, the next start fetches it again."
        )
    return True


def _fetch_all(lock: Lock, jars: list[Jar], folder: Path, progress: Progress | None) -> None:
    total = sum(jar.size for jar in jars)
    done = 0
    with (
        tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder.parent) as staging,
        ThreadPoolExecutor(_FETCHERS) as pool,
    ):
        fetch = _Fetcher(Path(staging))
        try:
            for jar, path in zip(jars, pool.map(fetch, jars), strict=True):
                path.replace(folder / jar.file_name)
                done += jar.size
                if progress is not None:
                    progress(done, total, jar.file_name)
        except LocalStackError:
            pool.shutdown(cancel_futures=True)
            raise
        except Exception as error:
            pool.shutdown(cancel_futures=True)
            raise JarsMissingError(_how_to_go_on(lock, jars, folder, error)) from error


def _how_to_go_on(lock: Lock, jars: list[Jar], folder: Path, error: Exception) -> str:
    return (
        f"Apache Kafka {lock.kafka_version} needs {len(lock.jars)} jars, and {len(jars)} of them "
        "are not here yet. Tried: "
        f"the cache {folder}; Maven's local repository {_local_repository()}; and Maven's remote "
        f"repositories, which answered: {error}\n"
        "How to go on, whichever suits:\n"
        "  - behind a proxy: set HTTPS_PROXY and start again;\n"
        "  - with a mirror of your own: name it under [repositories] in ~/.config/jgo.conf;\n"
        f"  - without a network: copy the jars of {LOCK_FILE.name} into {folder}, from any machine "
        "that has them;\n"
        "  - with a Kafka of your own (3.7 or later): --kafka HOST:PORT."
    )


def maven(staging: Path) -> Any:
    """jgo's way to Maven's repositories, the user's own mirrors among them; kept in ``staging``."""
    from jgo.config import GlobalSettings  # noqa: PLC0415 - slow, and rarely needed
    from jgo.constants import MAVEN_CENTRAL_URL  # noqa: PLC0415 - likewise
    from jgo.maven import MavenContext  # noqa: PLC0415 - likewise

    return MavenContext(
        repo_cache=staging / "repository",
        remote_repos={**GlobalSettings.load().repositories, "central": MAVEN_CENTRAL_URL},
        timeout=_TIMEOUT_SECONDS,
    )


class _Fetcher:
    """Brings one jar into the staging folder; called from several threads."""

    def __init__(self, staging: Path) -> None:
        self._staging = staging
        self._context = maven(staging)

    def __call__(self, jar: Jar) -> Path:
        ours = self._staging / jar.file_name
        local = _local_repository() / jar.repository_path
        if local.exists() and _sha256(local) == jar.sha256:
            shutil.copyfile(local, ours)
            return ours
        for attempt in range(1, _TRIES + 1):
            try:
                fetched = self._download(jar)
            except (OSError, RuntimeError):
                # requests' exceptions are OSErrors; jgo's "not found" is a RuntimeError.
                if attempt == _TRIES:
                    raise
                continue
            found = _sha256(fetched)
            if found == jar.sha256:
                fetched.replace(ours)
                return ours
            fetched.unlink()
        raise JarRefusedError(
            f"{jar.file_name} ({jar.coordinate}) was fetched with SHA-256 {found}, and the lock "
            f"says {jar.sha256}. It was thrown away and nothing was started. Does a proxy or a "
            "mirror change what passes through it?"
        )

    def _download(self, jar: Jar) -> Path:
        component = self._context.project(jar.group, jar.artifact).at_version(jar.version)
        artifact = component.artifact()
        # jgo writes straight to this path: what an interrupted try left must go first.
        if artifact.cached_path is not None:
            artifact.cached_path.unlink(missing_ok=True)
        path: Path | None = self._context.resolver.download(artifact)
        if path is None:
            raise RuntimeError(f"{jar.coordinate} could not be fetched.")
        return path


def _local_repository() -> Path:
    """Maven's local repository, where jgo looks for it."""
    return Path(os.environ.get("M2_REPO") or Path.home() / ".m2" / "repository")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _only_one(path: Path) -> Iterator[None]:
    """One process at a time fetches; the others wait and then find the jars there."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
