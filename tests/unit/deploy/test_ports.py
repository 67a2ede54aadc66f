"""Which port each part gets."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local import ports as module
from deploy.local.ports import Ports, PortTakenError
from deploy.local.process import free_port


class Make:
    """Ports in one memory, closed at the end of the test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: list[Ports] = []

    def __call__(self, asked: dict[str, int] | None = None, *, memory: str = "p.json") -> Ports:
        made = Ports(self._folder / memory, asked or {}, locks=self._folder / "locks")
        self._made.append(made)
        return made

    def close(self) -> None:
        for made in self._made:
            made.close()


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    maker = Make(tmp_path)
    yield maker
    maker.close()


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_the_preferred_port_is_used_and_remembered(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PREFERRED", {"web": free_port()})
    first = make()
    assert first.get("web") == module.PREFERRED["web"] == first.get("web")
    other = first.get("ews-7")
    first.close()
    assert make().get("ews-7") == other
    assert first.remarks == []


def test_two_launchers_that_start_at_once_never_choose_the_same(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody listens yet, so only the lock tells them apart."""
    monkeypatch.setattr(module, "PREFERRED", {"web": free_port()})
    first, second = make(memory="one"), make(memory="two")
    assert first.get("web") == module.PREFERRED["web"]
    assert second.get("web") != first.get("web")
    assert len(second.remarks) == 1


def test_a_start_that_failed_half_way_forgets_no_port(make: Make) -> None:
    first = make()
    ports = {name: first.get(name) for name in ("ews-2", "ews-3")}
    first.close()
    half = make()
    half.get("ews-2")
    half.close()
    assert make().get("ews-3") == ports["ews-3"]


def test_a_taken_preferred_port_gives_way_and_is_mentioned(
    make: Make, monkeypatch: pytest.MonkeyPatch, taken: int
) -> None:
    monkeypatch.setattr(module, "PREFERRED", {"web": taken})
    ports = make()
    assert ports.get("web") != taken
    assert ports.remarks == [f"Port {taken} is taken, so web is on {ports.get('web')}."]


def test_a_port_asked_for_is_insisted_on(make: Make, taken: int) -> None:
    free = free_port()
    assert make({"web": free}).get("web") == free
    with pytest.raises(PortTakenError, match=f"{taken}, asked for web"):
        make({"web": taken}).claim_asked()


def test_the_same_port_asked_for_twice_is_refused(make: Make) -> None:
    port = free_port()
    with pytest.raises(PortTakenError, match="asked for mail"):
        make({"web": port, "mail": port}).claim_asked()


def test_no_two_parts_share_a_port(make: Make) -> None:
    ports = make()
    names = [*module.PREFERRED, *(f"ews-{number}" for number in range(2, 9))]
    assert len({ports.get(name) for name in names}) == len(names)


def test_a_damaged_memory_is_no_obstacle(tmp_path: Path, make: Make) -> None:
    (tmp_path / "p.json").write_text("{", "utf-8")
    assert make().get("ews-9") > 0
