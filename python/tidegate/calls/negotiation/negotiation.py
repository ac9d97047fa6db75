"""One session's offers and answers (RFC 8829), as an SFU that bundles everything has them."""

from collections.abc import Callable, Collection, Sequence
from enum import Enum, auto

from tidegate.calls.extensions import ExtensionIds, ExtensionNumbers
from tidegate.calls.negotiation.answering import Answering
from tidegate.calls.negotiation.exchange import Environment, SessionState
from tidegate.calls.negotiation.offering import Offering
from tidegate.calls.negotiation.peer import new_credentials
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
from tidegate.calls.negotiation.section import NegotiatedSection, sending, sends
from tidegate.calls.payload_types import PayloadTypes, mappings
from tidegate.errors import NoOfferOutstanding, SignalingStateNotStable

_NOTHING = Intents()


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
    """

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
        self.state = State.STABLE
        self._environment = Environment(transport, extensions, entropy, sections)
        self._session = SessionState(
            id=int.from_bytes(entropy(8)) >> 2,
            credentials=new_credentials(entropy),
            stream=entropy(8).hex(),
            payload_types=PayloadTypes(),
            extension_ids=ExtensionIds(),
        )

    @property
    def credentials(self) -> Credentials:
        """Our newest ICE credentials; the first are there before any description."""
        return self._session.credentials

    @property
    def data_channels(self) -> bool:
        """Whether an ``m=application`` section is open."""
        return any(
            section.kind == "application" and not section.rejected and not section.pending
            for section in self._session.sections
        )

    @property
    def room(self) -> int:
        """How many sections an offer of ours may add."""
        used = sum(not section.rejected for section in self._session.sections)
        return max(0, self._environment.most_sections - used)

    def answer(self, offer: str, intents: Intents = _NOTHING) -> Answer:
        """Answers a client's offer.

        Every section in which the client sends and whose codecs we know is accepted, listed in
        ``intents`` or not; what is not listed can be published later without another offer
        (:meth:`reception`).

        Raises:
            SignalingStateNotStable: our own offer waits for an answer.
            MalformedSessionDescription: it cannot be read.
            InvalidSessionDescription: it does not follow from the last one, or cannot be accepted.
        """
        self._need_stable()
        exchange = Answering(self._session, self._environment)
        answer = exchange.answer(offer, intents)
        self._session = exchange.session
        return answer

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
        self._need_stable()
        exchange = Offering(self._session, self._environment)
        offer = exchange.offer(pulls, pushes, data_channels=data_channels)
        self._session = exchange.session
        self.state = State.HAVE_LOCAL_OFFER
        return offer

    def accept_answer(self, answer: str) -> Outcome:
        """Takes the client's answer to our offer.

        Raises:
            NoOfferOutstanding: nothing was offered, or it is answered already.
            MalformedSessionDescription: it cannot be read; the offer still waits for its answer.
            InvalidSessionDescription: it does not fit the offer, which still waits.
        """
        if self.state is not State.HAVE_LOCAL_OFFER:
            raise NoOfferOutstanding
        exchange = Offering(self._session, self._environment)
        outcome = exchange.accept_answer(answer)
        self._session = exchange.session
        self.state = State.STABLE
        return outcome

    def bind(self, mid: str, pull: Pull) -> Sending | None:
        """What sending ``pull`` in an existing section takes (a pull into a transceiver, or an
        update that points it elsewhere); no description changes.

        Returns:
            ``None`` when the section does not exist, or is not one in which the client receives, or
            has another kind, or none of the track's codecs.
        """
        section = self._section(mid)
        if section is None or section.pending or section.outgoing is None:
            return None
        if section.kind != pull.track.kind or not sends(section.direction):
            return None
        mapped = mappings(pull.track.formats, section.formats)
        found = sending(mid, section.outgoing, pull, tuple(mapped))
        if found is not None:
            self._replace(section.bound(pull, found))
        return found

    def close(self, mids: Collection[str]) -> None:
        """Ends sections without a description (``force``): they are ``inactive`` in later ones."""
        for mid in mids:
            section = self._section(mid)
            if section is not None and section.kind != "application" and not section.rejected:
                self._replace(section.ended())

    def reception(self, mid: str) -> Reception | None:
        """What the client sends in a section now, or ``None``."""
        section = self._section(mid)
        return None if section is None else section.reception

    def _section(self, mid: str) -> NegotiatedSection | None:
        return next((each for each in self._session.sections if each.mid == mid), None)

    def _replace(self, section: NegotiatedSection) -> None:
        self._session.sections = [
            section if each.mid == section.mid else each for each in self._session.sections
        ]

    def _need_stable(self) -> None:
        if self.state is not State.STABLE:
            raise SignalingStateNotStable
