"""URLs that can be dialled, whatever was bound and announced."""

import socket

import pytest
from tidegate.addresses import (
    Announced,
    HostPort,
    candidates,
    has_ipv6,
    local_addresses,
    reachable_hosts,
)
from tidegate.urls import Urls

HTTP = HostPort("127.0.0.1", 8080)


@pytest.mark.parametrize(
    ("udp", "moq"),
    [
        (HostPort("::", 4443), "moqt://127.0.0.1:4443"),
        (HostPort("0.0.0.0", 1), "moqt://127.0.0.1:1"),
        (HostPort("::1", 4443), "moqt://[::1]:4443"),
        (HostPort("10.0.0.7", 4443), "moqt://10.0.0.7:4443"),
    ],
)
def test_local_urls_never_name_a_wildcard(udp: HostPort, moq: str) -> None:
    urls = Urls.local(HTTP, udp, announce=(), https=False)
    assert urls.moq == moq
    assert urls.webtransport == moq.replace("moqt", "https")
    assert urls.api == "http://127.0.0.1:8080/client/v4"
    assert urls.sfu == "http://127.0.0.1:8080/v1"


def test_what_was_announced_is_not_dialled_from_here_unless_the_certificate_needs_it() -> None:
    announce = (Announced("tide.example", 443), Announced("192.0.2.1"))
    plain = Urls.local(HTTP, HostPort("::", 4443), announce=announce, https=False)
    assert plain.home == "http://127.0.0.1:8080"
    tls = Urls.local(HTTP, HostPort("::", 4443), announce=announce, https=True)
    assert (tls.home, tls.moq) == ("https://tide.example:8080", "moqt://tide.example:4443")
    first, second = Urls.announced(HTTP, HostPort("::", 4443), announce=announce, https=False)
    assert (first.moq, second.moq) == ("moqt://tide.example:443", "moqt://192.0.2.1:4443")


def test_reachable_hosts_are_what_was_announced_else_what_is_bound() -> None:
    announce = (Announced("a.example", 1), Announced("a.example", 2), Announced("::1"))
    assert reachable_hosts(announce, HostPort("::", 1)) == ("a.example", "::1")
    assert reachable_hosts((), HostPort("10.0.0.7", 1)) == ("10.0.0.7",)


def test_a_wildcard_stands_for_every_local_address_loopback_first() -> None:
    assert local_addresses(ipv6=False)[0] == "127.0.0.1"
    assert not any(":" in host for host in local_addresses(ipv6=False))
    if has_ipv6():
        assert local_addresses(ipv6=True)[:2] == ("127.0.0.1", "::1")
    for host in reachable_hosts((), HostPort("::", 1)):
        socket.getaddrinfo(host, 1, flags=socket.AI_NUMERICHOST)


def test_candidates_are_what_was_announced_with_the_bound_port_unless_it_has_its_own() -> None:
    announce = (Announced("192.0.2.1"), Announced("::1", 443))
    assert candidates(announce, HostPort("0.0.0.0", 4443)) == (
        HostPort("192.0.2.1", 4443),
        HostPort("::1", 443),
    )


def test_a_name_that_is_nobody_s_is_no_candidate_and_the_operator_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert candidates((Announced("sfu.example"),), HostPort("0.0.0.0", 4443)) == ()
    assert "sfu.example: Name or service not known" in caplog.text
