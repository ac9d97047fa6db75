"""What goes into a negotiation, and what comes out of it for the engine."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tidegate.addresses import HostPort
from tidegate.calls.payload_types import Kind, PayloadMapping, PayloadType, payload_type
from tidegate.calls.sdp import Extension, Format


@dataclass(frozen=True, slots=True)
class LocalTransport:
    """What every session of the process says about where and who we are.

    Attributes:
        candidates: announced addresses and UDP ports, most wanted first; each a host candidate.
        fingerprint: SHA-256 of the DTLS certificate (DER), 32 bytes.
    """

    candidates: tuple[HostPort, ...]
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Credentials:
    """Our ICE credentials (RFC 8839 §5.4), as ``create_rtc_session`` takes them. Never logged."""

    ufrag: str
    pwd: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RemoteTransport:
    """The peer's transport, as ``set_rtc_remote`` takes it.

    Attributes:
        algorithm: of the fingerprint, in lower case: ``sha-256``, ``sha-384`` or ``sha-512``.
        dtls_client: we begin the DTLS handshake (the peer is ``a=setup:passive``).
        sctp_port: the peer's, where an ``m=application`` section is open.
    """

    algorithm: str
    fingerprint: bytes
    dtls_client: bool
    sctp_port: int | None


class Encoding(NamedTuple):
    """One encoding of a reception, as the engine takes it; ``rid`` is empty without simulcast."""

    rid: str
    ssrc: int | None
    rtx_ssrc: int | None


@dataclass(frozen=True, slots=True)
class Reception:
    """What a client sends in one section: all that ``open_rtc_track`` and later pulls of it need.

    Attributes:
        formats: as negotiated, in the client's order, with the client's numbers.
        encodings: in the order of the description; never empty.
        extensions: header extensions that its packets may carry, under the client's ids.
    """

    mid: str
    kind: Kind
    formats: tuple[Format, ...]
    encodings: tuple[Encoding, ...]
    extensions: tuple[Extension, ...]

    @property
    def payload_types(self) -> tuple[PayloadType, ...]:
        """In the engine's shape; retransmission formats are part of what they repair."""
        return tuple(map(payload_type, self.formats))

    @property
    def simulcast(self) -> bool:
        """Whether it has rids, and ``tracks/update`` can ask for one of them."""
        return bool(self.encodings[0].rid)


@dataclass(frozen=True, slots=True)
class Sending:
    """What we send in one section, as ``attach_rtc_sink`` takes it.

    Attributes:
        cname: the ``stream`` of the :class:`Pull`.
        mappings: never empty.
    """

    mid: str
    ssrc: int
    rtx_ssrc: int | None
    cname: str
    mappings: tuple[PayloadMapping, ...]


@dataclass(frozen=True, slots=True)
class Pull:
    """A track of some publisher that this session is to receive.

    Attributes:
        track: what its publisher negotiated.
        stream: msid stream id and CNAME of its publisher session, the same for all its tracks
            (1 to 64 letters, digits and ``-``).
        mid: in a client's offer, the section that must carry it; ``None``: any free one.
    """

    track: Reception
    stream: str
    mid: str | None = None


@dataclass(frozen=True, slots=True)
class Push:
    """A track that this session is to send, in an offer of ours.

    Attributes:
        bidirectional: ask for ``sendrecv``, so that a pull may be bound to the section later.
    """

    kind: Kind
    bidirectional: bool = False


@dataclass(frozen=True, slots=True)
class Intents:
    """What the API call that brought an offer wants of its sections.

    Attributes:
        publish: mids listed as local tracks; one that was closed opens again.
        bidirectional: mids to answer ``sendrecv``, with an SSRC and msid for later; it stays so.
        pulls: tracks to bind to sections in which the client only receives and nothing is sent yet.
        close: mids to end: what they carried ends in both directions, and they are answered
            ``inactive``, or port 0 where the client stopped them. Unknown ones are ignored.
    """

    publish: Collection[str] = ()
    bidirectional: Collection[str] = ()
    pulls: Sequence[Pull] = ()
    close: Collection[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a completed exchange changed; what is not mentioned goes on undisturbed.

    Carry out in this order: credentials, remote, extensions, then sections.

    Attributes:
        credentials: ICE restart: further ones for ``add_rtc_credentials``.
        remote: for ``set_rtc_remote``.
        extensions: for ``set_rtc_extensions``.
        receiving: by mid, what the client sends now: new, or otherwise than before.
        sending: by mid, what we send now with other SSRCs or payload types than before, or anew.
        receiving_ended: mids in which the client sends no more.
        sending_ended: mids in which we send no more.
        refused: mids of sections that the offer had open and the answer rejects; of an offer of
            ours also pulls that the client does not receive, or has no codec for.
    """

    credentials: Credentials | None = None
    remote: RemoteTransport | None = None
    extensions: tuple[tuple[int, int], ...] | None = None
    receiving: Mapping[str, Reception] = field(default_factory=dict)
    sending: Mapping[str, Sending] = field(default_factory=dict)
    receiving_ended: frozenset[str] = frozenset()
    sending_ended: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Outcome):
    """Our answer to a client's offer.

    Attributes:
        sdp: for the client.
        pulled: the mid that each of :attr:`Intents.pulls` got, in order (its :class:`Sending` is in
            ``sending``); ``None``: no free section of its kind whose codecs fit.
    """

    sdp: str = field(repr=False)
    pulled: tuple[str | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Our offer; nothing of it holds before the client's answer is accepted.

    Attributes:
        pulled: the mid of each pull, in order.
        pushed: the mid of each push, in order.
    """

    sdp: str = field(repr=False)
    pulled: tuple[str, ...]
    pushed: tuple[str, ...]
