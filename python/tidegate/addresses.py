"""Addresses as an operator writes them, and what a wildcard stands for on this machine."""

import contextlib
import ipaddress
import logging
import socket
from dataclasses import dataclass
from typing import Self

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HostPort:
    """A socket address, like ``127.0.0.1:8080`` or ``[::]:4443``; port 0 lets the system pick."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError, in words for the operator, when ``text`` is not ``host:port``."""
        announced = Announced.parse(text)
        if announced.port is None:
            raise ValueError("expected host:port")
        return cls(announced.host, announced.port)

    @property
    def is_wildcard(self) -> bool:
        return self.host in {"::", "0.0.0.0"}

    def __str__(self) -> str:
        return f"{bracketed(self.host)}:{self.port}"


@dataclass(frozen=True, slots=True)
class Announced:
    """An address or name by which clients reach us; ``port`` is None where the bound one holds."""

    host: str
    port: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        host, port = _split(text.strip())
        if not host or any(c.isspace() or c in "/@?#" for c in host):
            raise ValueError("expected an address or a host name")
        return cls(host, port)

    def __str__(self) -> str:
        return bracketed(self.host) if self.port is None else f"{bracketed(self.host)}:{self.port}"


def bracketed(host: str) -> str:
    """``host`` as URLs write it: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def has_ipv6() -> bool:
    """Whether this machine lets us bind an IPv6 socket at all."""
    if not socket.has_ipv6:
        return False
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def reachable_hosts(announce: tuple[Announced, ...], bound: HostPort) -> tuple[str, ...]:
    """The names and addresses that clients may use: what was announced, else what is bound.

    A wildcard stands for every local address, loopback first, so that an URL made of the first one
    can be dialled from this machine.
    """
    if announce:
        return tuple(dict.fromkeys(announced.host for announced in announce))
    if not bound.is_wildcard:
        return (bound.host,)
    return local_addresses(ipv6=bound.host == "::")


def candidates(announce: tuple[Announced, ...], bound: HostPort) -> tuple[HostPort, ...]:
    """Numeric addresses for ICE, most wanted first: what was announced, else what is bound.

    A wildcard stands for every local address, loopback last. A name that was announced stands for
    all its addresses, and for none while it cannot be resolved.
    """
    if not announce:
        hosts = reachable_hosts(announce, bound)
        last = [host for host in hosts if ipaddress.ip_address(host).is_loopback]
        return tuple(
            HostPort(host, bound.port)
            for host in (*(host for host in hosts if host not in last), *last)
        )
    found: dict[HostPort, None] = {}
    for address in announce:
        port = address.port or bound.port
        try:
            infos = socket.getaddrinfo(address.host, port, type=socket.SOCK_DGRAM)
        except OSError as error:
            log.warning("WebRTC is not told of %s: %s", address.host, error.strerror)
            continue
        found |= {HostPort(str(info[4][0]), port): None for info in infos}
    return tuple(found)


def local_addresses(*, ipv6: bool) -> tuple[str, ...]:
    """Every address of this machine, loopback first, but those that need a zone (link-local)."""
    found = ["127.0.0.1", *(["::1"] if ipv6 and has_ipv6() else [])]
    # Routing tells the address that the world sees; a UDP connect sends nothing.
    probes = [(socket.AF_INET, "192.0.2.1"), *([(socket.AF_INET6, "2001:db8::1")] if ipv6 else [])]
    for family, target in probes:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((target, 9))
                found.append(probe.getsockname()[0])
        except OSError:
            continue
    with contextlib.suppress(OSError):
        own_name = socket.getaddrinfo(socket.gethostname(), None, type=socket.SOCK_DGRAM)
        found += [str(info[4][0]) for info in own_name]
    usable = (h for h in found if "%" not in h and not ipaddress.ip_address(h).is_link_local)
    return tuple(dict.fromkeys(host for host in usable if ipv6 or ":" not in host))


def _split(text: str) -> tuple[str, int | None]:
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ValueError("expected [address]:port")
        _must_be_ipv6(host)
        return host, _port(rest[1:]) if rest else None
    if text.count(":") > 1:
        _must_be_ipv6(text)
        return text, None
    host, colon, port = text.partition(":")
    return host, _port(port) if colon else None


def _must_be_ipv6(host: str) -> None:
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        raise ValueError("expected an IPv6 address in brackets") from None


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) <= 65535):
        raise ValueError("expected a port from 0 to 65535")
    return int(text)
