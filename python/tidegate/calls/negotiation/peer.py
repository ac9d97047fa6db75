"""The transport of a session's bundle: what the peer says of its own, and what we say of ours."""

from collections.abc import Callable
from dataclasses import dataclass

from tidegate.calls.negotiation.plans import Credentials, LocalTransport, RemoteTransport
from tidegate.calls.sdp import Candidate, Fingerprint, Setup, Transport
from tidegate.errors import InvalidSessionDescription, MalformedSessionDescription

_ALGORITHMS = ("sha-256", "sha-384", "sha-512")

_HOST_PREFERENCE = 126
_COMPONENT = 1


def new_credentials(entropy: Callable[[int], bytes]) -> Credentials:
    """64 bits of ufrag, so that no two sessions share one, and 128 bits of password."""
    return Credentials(entropy(8).hex(), entropy(16).hex())


def candidates(local: LocalTransport) -> tuple[Candidate, ...]:
    """Host candidates with priorities by their order (RFC 8445 §5.1.2.1)."""
    return tuple(
        Candidate(
            str(place + 1),
            (_HOST_PREFERENCE << 24) + ((65_535 - place) << 8) + (256 - _COMPONENT),
            address.host,
            address.port,
        )
        for place, address in enumerate(local.candidates)
    )


@dataclass(frozen=True, slots=True)
class Peer:
    """What is known of the peer's transport.

    Attributes:
        ufrag, pwd: of its ICE agent; new ones mean that it restarts ICE.
        dtls_client: whether we are the DTLS client.
    """

    ufrag: str
    pwd: str
    fingerprint: Fingerprint
    dtls_client: bool

    @classmethod
    def read(cls, section: Transport, session: Transport, before: "Peer | None") -> "Peer":
        """The peer as the bundle's section, and the session's lines, describe it.

        Raises:
            MalformedSessionDescription: ICE credentials or fingerprint are missing.
            InvalidSessionDescription: no fingerprint of a hash that is still trusted.
        """
        ufrag, pwd = section.ufrag or session.ufrag, section.pwd or session.pwd
        if ufrag is None:
            raise MalformedSessionDescription("The session description lacks a=ice-ufrag.")
        if pwd is None:
            raise MalformedSessionDescription("The session description lacks a=ice-pwd.")
        offered = section.fingerprints or session.fingerprints
        if not offered:
            raise MalformedSessionDescription("The session description lacks a=fingerprint.")
        known = {each.algorithm: each for each in offered}
        fingerprint = next((known[each] for each in _ALGORITHMS if each in known), None)
        if fingerprint is None:
            raise InvalidSessionDescription("No a=fingerprint is SHA-256, SHA-384 or SHA-512.")
        setup = section.setup or session.setup
        return cls(ufrag, pwd, fingerprint, _dtls_client(setup, before))

    def restarted(self, after: "Peer | None") -> bool:
        """Whether ``after`` is this peer with another ICE agent."""
        return after is not None and (self.ufrag, self.pwd) != (after.ufrag, after.pwd)

    def remote(self, sctp_port: int | None) -> RemoteTransport:
        return RemoteTransport(
            self.fingerprint.algorithm, self.fingerprint.digest, self.dtls_client, sctp_port
        )


def _dtls_client(setup: Setup | None, before: Peer | None) -> bool:
    """RFC 8842 §5: a role once taken is kept as long as the peer leaves the choice."""
    if setup in ("active", "passive"):
        return setup == "passive"
    return before is not None and before.dtls_client


def local_transport(local: LocalTransport, credentials: Credentials, setup: Setup) -> str:
    """The lines, each with CRLF, of our transport in every section.

    The bundle's own section would do for the candidates; aiortc with ``max-bundle`` takes them from
    the last one.
    """
    transport = Transport(
        credentials.ufrag,
        credentials.pwd,
        (Fingerprint("sha-256", local.fingerprint),),
        setup,
        candidates(local),
        end_of_candidates=True,
    )
    return "".join(f"{line}\r\n" for line in transport.write())
