"""Ages, back-off, the guard against one's own network, words."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from datetime import UTC, date, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.backoff import Backoff, retry_after
from services.notify import addresses, texts
from services.notify.ages import is_adult, majority_day
from services.notify.model import RefusedAddressError

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def test_the_day_of_majority() -> None:
    assert majority_day(date(2008, 11, 24)) == date(2026, 11, 24)
    assert majority_day(date(2008, 2, 29)) == date(2026, 2, 28)
    assert not is_adult(date(2008, 2, 29), date(2026, 2, 27))
    assert is_adult(date(2008, 2, 29), date(2026, 2, 28))


@given(st.dates(date(1990, 1, 1), date(2030, 1, 1)))
def test_majority_comes_once_and_stays(born: date) -> None:
    day = majority_day(born)
    assert not is_adult(born, day - timedelta(days=1))
    assert is_adult(born, day)
    assert day.year - born.year == 18


@given(st.integers(1, 200), st.randoms())
def test_delays_grow_stay_bounded_and_never_hurry_a_receiver(attempts: int, dice: Any) -> None:
    backoff = Backoff(timedelta(seconds=5), timedelta(minutes=5), uniform=dice.uniform)
    chosen = backoff.after(attempts)
    ceiling = min(300, 5 * 2 ** (attempts - 1))
    assert timedelta(seconds=ceiling / 2) <= chosen <= timedelta(seconds=ceiling)
    assert backoff.after(attempts, timedelta(seconds=299)) >= timedelta(seconds=299)
    assert backoff.after(attempts, timedelta(days=30)) <= timedelta(minutes=5)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("120", timedelta(seconds=120)),
        (" 7 ", timedelta(seconds=7)),
        ("Tue, 24 Nov 2026 08:01:00 GMT", timedelta(minutes=1)),
        ("Tue, 24 Nov 2026 07:00:00 GMT", timedelta(0)),
        ("soon", None),
        ("-5", None),
        ("9" * 400, timedelta(seconds=10**7)),
        ("", None),
    ],
)
def test_retry_after(header: str | None, expected: timedelta | None) -> None:
    assert retry_after(header, NOW) == expected


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0",
        "100.64.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1",
        "::1", "::", "fe80::1", "fc00::1", "ff02::1", "2001:db8::1", "::ffff:127.0.0.1",
        "::ffff:10.0.0.1", "2002:7f00:1::", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
    ],
)  # fmt: skip
def test_private_addresses_in_every_disguise(address: str) -> None:
    assert not addresses.is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "2606:4700:4700::1111"])
def test_public_addresses(address: str) -> None:
    assert addresses.is_public(ipaddress.ip_address(address))


def resolve(url: str, *found: str, local: bool = False) -> addresses.Target:
    """Resolve with a name service that answers ``found``."""

    async def scenario() -> addresses.Target:
        async def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
            return [
                (socket.AF_INET6 if ":" in one else socket.AF_INET, 1, 6, "", (one, port))
                for one in found
            ]

        with patch.object(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo):
            return await addresses.resolve(url, local=local)

    return asyncio.run(scenario())


def test_the_checked_address_is_the_one_that_is_called() -> None:
    found = resolve("https://hooks.example.org/in?x=1#frag", "1.1.1.1")
    assert found.url == "https://1.1.1.1:443/in?x=1"
    assert found.host == "hooks.example.org"
    assert found.server_name == "hooks.example.org"
    other = resolve("https://hooks.example.org:8443", "2606:4700:4700::1111")
    assert other.url == "https://[2606:4700:4700::1111]:8443/"
    assert other.host == "hooks.example.org:8443"


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("http://hooks.example.org/", ["1.1.1.1"]),
        ("ftp://hooks.example.org/", ["1.1.1.1"]),
        ("https:///path", ["1.1.1.1"]),
        ("https://user:secret@hooks.example.org/", ["1.1.1.1"]),
        ("https://hooks.example.org:99999/", ["1.1.1.1"]),
        ("https://[broken/", ["1.1.1.1"]),
        ("https://inside.example.org/", ["10.0.0.1"]),
        # One bad answer among good ones is enough.
        ("https://both.example.org/", ["1.1.1.1", "127.0.0.1"]),
        ("https://metadata.example.org/", ["169.254.169.254"]),
    ],
)
def test_what_must_not_be_called(url: str, found: list[str]) -> None:
    with pytest.raises(RefusedAddressError):
        resolve(url, *found)


def test_the_local_stack_may_call_itself() -> None:
    assert (
        resolve("http://127.0.0.1:9000/x", "127.0.0.1", local=True).url == "http://127.0.0.1:9000/x"
    )


def test_the_words() -> None:
    case = texts.case_waits("F-2026-00042", "https://narvaro.example/")
    assert "Du har ett ärende, logga in." in case.body
    assert "F-2026-00042" in case.subject
    home = texts.absence_today("010-000 00 00")
    assert "010-000 00 00" in home.body
    assert "i dag" in home.body
    without = texts.absence_today("  ")
    assert "None" not in without.body
    assert "på det sätt du brukar" in without.body
    assert "du har en frånvaro i dag" in texts.absence_today_adult("1").body
    for text in (home, without, texts.absence_today_adult(None)):
        for word in ("barn", "lektion", "skola", "elev"):
            assert word not in text.body.lower()
            assert word not in text.subject.lower()
