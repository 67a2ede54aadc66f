"""The guard against webhooks into one's own network (SSRF), as Standard Webhooks asks for it."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from services.notify.model import RefusedAddressError


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect: the checked IP address stands in the URL, the name in ``host``.

    Connecting to what was checked leaves no second look-up that could answer
    differently (DNS rebinding).
    """

    url: str
    host: str
    server_name: str


async def resolve(url: str, *, local: bool) -> Target:
    """Check a webhook's URL and pin its address.

    Only https to public addresses, unless ``local`` (the local stack). Every
    address of the name must be public. Raises :class:`RefusedAddressError`;
    a name that does not resolve raises OSError, since it may tomorrow.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise RefusedAddressError("the URL is malformed") from error
    if parts.scheme not in (("https", "http") if local else ("https",)):
        raise RefusedAddressError("only https is called")
    if not host:
        raise RefusedAddressError("the URL has no host")
    if parts.username or parts.password:
        raise RefusedAddressError("the URL holds credentials")
    port = port or (443 if parts.scheme == "https" else 80)
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    if not local and not all(is_public(address) for address in addresses):
        raise RefusedAddressError("the address is not a public one")
    chosen = addresses[0]
    literal = f"[{chosen}]" if chosen.version == 6 else str(chosen)
    pinned = urlunsplit((parts.scheme, f"{literal}:{port}", parts.path or "/", parts.query, ""))
    shown = f"[{host}]" if ":" in host else host
    default = port == (443 if parts.scheme == "https" else 80)
    return Target(url=pinned, host=shown if default else f"{shown}:{port}", server_name=host)


def is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether an address may be called: global, and no disguise of one that is not."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address.teredo is not None:
            inner = address.teredo[1]
        # NAT64 (RFC 6052) carries an IPv4 address in its last 32 bits.
        if inner is None and address in ipaddress.ip_network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
    return address.is_global and not address.is_multicast and not address.is_reserved
