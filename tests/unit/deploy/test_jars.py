"""The lock of Kafka's jars, and the refusal of every jar that is not in it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.local import jars
from deploy.local.jars import Jar, JarRefusedError, JarsMissingError, Lock

CONTENT = b"a jar"
Serve = Callable[[bytes | Exception], list[str]]


def jar(content: bytes = CONTENT, name: str = "thing") -> Jar:
    return Jar("org.example", name, "1.0", hashlib.sha256(content).hexdigest(), len(content))


def lock(*items: Jar) -> Lock:
    return Lock("4.0.0", items, "0" * 64)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Maven's local repository, empty, and no configuration of the developer's own."""
    folder = tmp_path / "m2"
    monkeypatch.setenv("M2_REPO", str(folder))
    monkeypatch.setenv("JGO_CONFIG_FILE", str(tmp_path / "none"))
    return folder


@pytest.fixture
def remote(monkeypatch: pytest.MonkeyPatch, repository: Path) -> Serve:
    """What Maven's remote repositories answer, without a network."""

    def serve(answer: bytes | Exception) -> list[str]:
        asked: list[str] = []

        def download(self: jars._Fetcher, wanted: Jar) -> Path:
            asked.append(wanted.coordinate)
            if isinstance(answer, Exception):
                raise answer
            path = self._staging / f"download-{wanted.file_name}"
            path.write_bytes(answer)
            return path

        monkeypatch.setattr(jars._Fetcher, "_download", download)
        return asked

    return serve


def test_the_committed_lock_names_jars_and_no_place() -> None:
    text = jars.LOCK_FILE.read_text(encoding="utf-8")
    assert not re.search(r"https?:|www\.|/maven2|repo\d*\.", text)
    locked = jars.read_lock()
    names = [item.file_name for item in locked.jars]
    assert len(set(names)) == len(names) > 40
    assert all(re.fullmatch(r"[0-9a-f]{64}", item.sha256) for item in locked.jars)
    kafka = {item.version for item in locked.jars if item.group == "org.apache.kafka"}
    assert kafka == {locked.kafka_version}


def test_a_fetched_jar_is_kept_and_asked_for_once(tmp_path: Path, remote: Serve) -> None:
    asked = remote(CONTENT)
    steps: list[tuple[int, int, str]] = []
    folder = jars.ensure(lock(jar()), cache=tmp_path, progress=lambda *step: steps.append(step))
    assert jars.ensure(lock(jar()), cache=tmp_path) == folder
    assert (folder / "thing-1.0.jar").read_bytes() == CONTENT
    assert asked == ["org.example:thing:1.0"]
    assert steps == [(5, 5, "thing-1.0.jar")]
    assert not list(tmp_path.glob(".fetching-*"))


def test_mavens_own_copy_is_used_and_left_alone(
    tmp_path: Path, repository: Path, remote: Serve
) -> None:
    asked = remote(CONTENT)
    copy = repository / jar().repository_path
    copy.parent.mkdir(parents=True)
    copy.write_bytes(CONTENT)
    folder = jars.ensure(lock(jar()), cache=tmp_path)
    assert (folder / "thing-1.0.jar").read_bytes() == CONTENT == copy.read_bytes()
    assert asked == []


def test_a_wrong_copy_of_mavens_is_passed_over(
    tmp_path: Path, repository: Path, remote: Serve
) -> None:
    asked = remote(CONTENT)
    copy = repository / jar().repository_path
    copy.parent.mkdir(parents=True)
    copy.write_bytes(b"half a j")
    folder = jars.ensure(lock(jar()), cache=tmp_path)
    assert (folder / "thing-1.0.jar").read_bytes() == CONTENT
    assert asked == ["org.example:thing:1.0"]


def test_a_changed_jar_in_the_cache_is_refused_by_name(tmp_path: Path, remote: Serve) -> None:
    asked = remote(CONTENT)
    folder = jars.ensure(lock(jar()), cache=tmp_path)
    (folder / "thing-1.0.jar").write_bytes(b"another")
    with pytest.raises(JarRefusedError, match=r"thing-1\.0\.jar is not the jar"):
        jars.ensure(lock(jar()), cache=tmp_path)
    assert (folder / "thing-1.0.jar").read_bytes() == b"another"
    assert len(asked) == 1


def test_a_jar_that_arrives_changed_is_refused_and_thrown_away(
    tmp_path: Path, remote: Serve
) -> None:
    asked = remote(b"tampered")
    with pytest.raises(JarRefusedError, match=r"thing-1\.0\.jar .* was fetched with SHA-256"):
        jars.ensure(lock(jar()), cache=tmp_path)
    assert not list(tmp_path.rglob("*.jar"))
    assert len(asked) == 3


def test_a_jar_beside_the_locked_ones_never_reaches_the_class_path(
    tmp_path: Path, remote: Serve
) -> None:
    remote(CONTENT)
    folder = jars.ensure(lock(jar()), cache=tmp_path)
    (folder / "evil.jar").write_bytes(CONTENT)
    with pytest.raises(JarRefusedError, match=r"evil\.jar"):
        jars.ensure(lock(jar()), cache=tmp_path)


def test_without_a_network_it_says_what_it_tried_and_how_to_go_on(
    tmp_path: Path, repository: Path, remote: Serve
) -> None:
    asked = remote(OSError("Network is unreachable"))
    with pytest.raises(JarsMissingError) as failure:
        jars.ensure(lock(jar(), jar(b"b", "other")), cache=tmp_path)
    text = str(failure.value)
    folder = tmp_path / lock().folder_name
    for part in (str(folder), str(repository), "Network is unreachable", "HTTPS_PROXY", "--kafka"):
        assert part in text
    assert asked.count("org.example:thing:1.0") == 3


def test_what_one_try_left_is_used_by_the_next(tmp_path: Path, remote: Serve) -> None:
    remote(CONTENT)
    jars.ensure(lock(jar()), cache=tmp_path)
    asked = remote(b"b")
    jars.ensure(lock(jar(), jar(b"b", "other")), cache=tmp_path)
    assert asked == ["org.example:other:1.0"]


def test_the_cache_follows_the_xdg_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert jars.default_cache() == Path("/somewhere/forvarning")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert jars.default_cache() == Path.home() / ".cache" / "forvarning"
