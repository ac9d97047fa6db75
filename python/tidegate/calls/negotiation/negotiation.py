"""One session's offers and answers (RFC 8829), as an SFU that bundles everything has them."""

from collections.abc import Callable, Collection, Sequence
from enum import Enum, auto

from tidegate.calls.extensions import ExtensionNumbers
from tidegate.calls.negotiation.plans import (
    Answer,
    Credentials,
    Intents,
    LocalTransport,
    Offer,
    Outcome,
    Pull,
    Push,
    Reception,
    Sending,
)


class State(Enum):
    """Where the offer/answer exchange stands."""

    STABLE = auto()
    HAVE_LOCAL_OFFER = auto()
    """Our offer waits for the client's answer; no other exchange may begin."""


class Negotiation:
    """One session's state machine of offers and answers. No call waits; each one that raises has
    changed nothing.

    Mids and the order of sections, payload types, header extension ids and SSRCs are kept for as
    long as the session lives: a number never changes its meaning.

    Attributes:
        state: where the exchange stands.
        credentials: our newest ICE credentials; the first are there before any description.
        data_channels: an ``m=application`` section is open.
        room: how many sections an offer of ours may add.
    """

    state: State
    credentials: Credentials
    data_channels: bool
    room: int

    def __init__(
        self,
        transport: LocalTransport,
        extensions: ExtensionNumbers,
        entropy: Callable[[int], bytes],
        *,
        sections: int = 512,
    ) -> None:
        """
        Args:
            extensions: one for the whole process.
            entropy: so many random bytes, unguessable: ``os.urandom``, or a test's.
            sections: how many the session may have, closed ones included.
        """
        raise NotImplementedError

    def answer(self, offer: str, intents: Intents = Intents()) -> Answer:
        """Answers a client's offer.

        Every section in which the client sends and whose codecs we know is accepted, listed in
        ``intents`` or not; what is not listed can be published later without another offer
        (:meth:`reception`).

        Raises:
            SignalingStateNotStable: our own offer waits for an answer.
            MalformedSessionDescription: it cannot be read.
            InvalidSessionDescription: it does not follow from the last one, or cannot be accepted.
        """
        raise NotImplementedError

    def offer(
        self,
        pulls: Sequence[Pull] = (),
        pushes: Sequence[Push] = (),
        *,
        data_channels: bool = False,
    ) -> Offer:
        """Offers a new section for each pull, then for each push, then the data channel section if
        it is asked for and not open; mids count on from the largest that the session ever used.

        Raises:
            SignalingStateNotStable: an earlier offer waits for its answer.
            InvalidSessionDescription: more sections than there is :attr:`room` for.
        """
        raise NotImplementedError

    def accept_answer(self, answer: str) -> Outcome:
        """Takes the client's answer to our offer.

        Raises:
            NoOfferOutstanding: nothing was offered, or it is answered already.
            MalformedSessionDescription: it cannot be read; the offer still waits for its answer.
            InvalidSessionDescription: it does not fit the offer, which still waits.
        """
        raise NotImplementedError

    def bind(self, mid: str, pull: Pull) -> Sending | None:
        """What sending ``pull`` in an existing section takes (a pull into a transceiver, or an
        update that points it elsewhere); no description changes.

        Returns:
            ``None`` when the section does not exist, or is not one in which the client receives, or
            has another kind, or none of the track's codecs.
        """
        raise NotImplementedError

    def close(self, mids: Collection[str]) -> None:
        """Ends sections without a description (``force``): they are ``inactive`` in later ones."""
        raise NotImplementedError

    def reception(self, mid: str) -> Reception | None:
        """What the client sends in a section now, or ``None``."""
        raise NotImplementedError

    def mid_of(self, index: int) -> str | None:
        """The mid of the section at an index of the last description, or ``None``."""
        raise NotImplementedError
