"""The URLs under which a running server is reached."""

from dataclasses import dataclass
from typing import Self

from tidegate.addresses import Announced, HostPort


@dataclass(frozen=True, slots=True)
class Urls:
    """Bases: clients append a path (``api``, ``sfu``) or a relay token (``moq``, ``webtransport``).

    Attributes:
        home: of the HTTP side, without a path.
    """

    home: str
    api: str
    sfu: str
    moq: str
    webtransport: str

    @classmethod
    def local(
        cls, http: HostPort, udp: HostPort, *, announce: tuple[Announced, ...], https: bool
    ) -> Self:
        """URLs that this machine can dial, made of the addresses that are bound.

        With the operator's certificate (``https``) the name must fit it, so an announced one is
        used.
        """
        named = announce[0].host if https and announce else None
        return cls._of(
            HostPort(named or _dialable(http.host), http.port),
            HostPort(named or _dialable(udp.host), udp.port),
            https=https,
        )

    @classmethod
    def announced(
        cls, http: HostPort, udp: HostPort, *, announce: tuple[Announced, ...], https: bool
    ) -> list[Self]:
        """URLs for everybody else, one set an announced address."""
        return [
            cls._of(
                HostPort(address.host, http.port),
                HostPort(address.host, address.port or udp.port),
                https=https,
            )
            for address in announce
        ]

    @classmethod
    def _of(cls, http: HostPort, udp: HostPort, *, https: bool) -> Self:
        home = f"{'https' if https else 'http'}://{http}"
        return cls(
            home=home,
            api=f"{home}/client/v4",
            sfu=f"{home}/v1",
            moq=f"moqt://{udp}",
            webtransport=f"https://{udp}",
        )


def _dialable(host: str) -> str:
    """A wildcard cannot be dialled; loopback is always part of it."""
    return "127.0.0.1" if host in {"::", "0.0.0.0"} else host
