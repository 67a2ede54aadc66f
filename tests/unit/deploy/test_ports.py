"""Which port each part gets."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local import ports as module
from deploy.local.ports import Ports, PortTakenError
from deploy.local.process import free_port


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_the_preferred_port_is_used_and_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PREFERRED", {"web": free_port()})
    first = Ports(tmp_path / "p.json", {})
    assert first.get("web") == module.PREFERRED["web"] == first.get("web")
    other = first.get("ews-7")
    assert Ports(tmp_path / "p.json", {}).get("ews-7") == other
    assert first.remarks == []


def test_a_taken_preferred_port_gives_way_and_is_mentioned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: int
) -> None:
    monkeypatch.setattr(module, "PREFERRED", {"web": taken})
    ports = Ports(tmp_path / "p.json", {})
    assert ports.get("web") != taken
    assert ports.remarks == [f"Port {taken} is taken, so web is on {ports.get('web')}."]


def test_a_port_asked_for_is_insisted_on(tmp_path: Path, taken: int) -> None:
    free = free_port()
    assert Ports(tmp_path / "p.json", {"web": free}).get("web") == free
    with pytest.raises(PortTakenError, match=f"{taken}, asked for web"):
        Ports(tmp_path / "p.json", {"web": taken}).claim_asked()


def test_the_same_port_asked_for_twice_is_refused(tmp_path: Path) -> None:
    port = free_port()
    with pytest.raises(PortTakenError, match="asked for mail"):
        Ports(tmp_path / "p.json", {"web": port, "mail": port}).claim_asked()


def test_no_two_parts_share_a_port(tmp_path: Path) -> None:
    ports = Ports(tmp_path / "p.json", {})
    names = [*module.PREFERRED, *(f"ews-{number}" for number in range(2, 9))]
    assert len({ports.get(name) for name in names}) == len(names)


def test_a_damaged_memory_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text("{", "utf-8")
    assert Ports(tmp_path / "p.json", {}).get("ews-9") > 0
