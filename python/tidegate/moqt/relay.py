"""One relay: the scope in which namespaces, tracks and sessions know each other.

It never learns which draft a session speaks.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tidegate.moqt import messages
from tidegate.moqt.authorization import RelaySettings
from tidegate.moqt.codes import RequestCode
from tidegate.moqt.failures import Refusal, violation
from tidegate.moqt.fetches import FetchJob
from tidegate.moqt.messages import StandaloneFetch
from tidegate.moqt.names import FullTrackName, Namespace, has_prefix
from tidegate.moqt.namespaces import NamespaceInterest, PublishedNamespace
from tidegate.moqt.plane import Plane
from tidegate.moqt.prefixes import PrefixTable
from tidegate.moqt.publishers import Upstream
from tidegate.moqt.requests import PeerRequest
from tidegate.moqt.subscriptions import Subscription
from tidegate.moqt.track_statuses import StatusJob
from tidegate.moqt.tracks import Track
from tidegate.tokens import Operation

if TYPE_CHECKING:
    from tidegate.moqt.session import OpeningMessage, Session

BUSY_RETRY_MS = 1000
"""When to come back after a limit was met."""


class Relay:
    """What is published and wanted in one scope.

    Attributes:
        uid: the ``sub`` of the tokens that open it.
        number: names the scope to the engine.
        held: how many subscribes linger.
    """

    __slots__ = (
        "_by_namespace",
        "held",
        "interests",
        "namespaces",
        "number",
        "plane",
        "sessions",
        "settings",
        "tracks",
        "uid",
    )

    def __init__(self, plane: Plane, uid: str, number: int, settings: RelaySettings) -> None:
        self.plane = plane
        self.uid = uid
        self.number = number
        self.settings = settings
        self.held = 0
        self.sessions: dict[Session, None] = {}
        self.namespaces: PrefixTable[PublishedNamespace] = PrefixTable()
        self.interests: PrefixTable[NamespaceInterest] = PrefixTable()
        self.tracks: dict[FullTrackName, Track] = {}
        self._by_namespace: PrefixTable[Track] = PrefixTable()

    @property
    def linger_seconds(self) -> float:
        """How long a SUBSCRIBE without a publisher is held; 0: not at all."""
        return self.settings.linger_max_ms / 1000 if self.settings.linger_enabled else 0.0

    # Sessions and tracks.

    def enter(self, session: "Session") -> None:
        self.sessions[session] = None

    def leave(self, now: float, session: "Session") -> None:
        """A session is gone; its requests were told so. Without sessions nothing is kept."""
        self.sessions.pop(session, None)
        if not self.sessions:
            for track in [*self.tracks.values()]:
                track.settle(now)

    def track(self, now: float, name: FullTrackName) -> Track:
        """The track of this name, made when it is new.

        Raises:
            Refusal: the relay remembers too many.
        """
        track = self.tracks.get(name)
        if track is None:
            if len(self.tracks) >= self.plane.limits.tracks_per_relay:
                self._forget_idle_track(now)
            track = self.tracks[name] = Track(self, name)
            self._by_namespace.add(name.namespace, track)
        return track

    def _forget_idle_track(self, now: float) -> None:
        for track in self.tracks.values():
            if track.idle:
                track.dispose(now)
                return
        raise busy("the relay has too many tracks")

    def forget_track(self, track: Track) -> None:
        if self.tracks.get(track.name) is track:
            del self.tracks[track.name]
            self._by_namespace.remove(track.name.namespace, track)

    # Requests.

    def open(self, now: float, request: PeerRequest, message: "OpeningMessage") -> None:
        """Serves a peer's new request.

        Raises:
            SessionFailure: the request broke a rule of the session.
        """
        try:
            _OPENERS[type(message)](self, now, request, message)
        except Refusal as refusal:
            request.refuse(refusal)

    def _subscribe(self, now: float, request: PeerRequest, message: messages.Subscribe) -> None:
        session = request.session
        session.require(now, Operation.SUBSCRIBE, message.tokens)
        track = self.track(now, message.track)
        try:
            self._require_first_subscription(now, session, track)
            subscription = Subscription.asked(track, request, message, now)
        except Refusal:
            track.settle(now)
            raise
        request.owner = subscription
        if message.new_group_request is not None and not track.sources:
            track.new_groups.request(now, message.new_group_request)
        track.subscribe(now, subscription)

    def _require_first_subscription(self, now: float, session: "Session", track: Track) -> None:
        existing = track.subscriptions.get(session)
        if existing is None:
            return
        if session.profile.duplicate_subscription_closes:
            if existing.proposed:
                # It crossed our PUBLISH, of which that draft says nothing.
                existing.abandon(now)
                return
            if not existing.pushed:
                raise violation("a track is subscribed twice")
        raise Refusal(RequestCode.DUPLICATE_SUBSCRIPTION, "this track is subscribed already")

    def _publish(self, now: float, request: PeerRequest, message: messages.Publish) -> None:
        session = request.session
        session.require(now, Operation.PUBLISH, message.tokens)
        if len(session.aliases) >= self.plane.limits.aliases:
            raise busy("the session publishes too many tracks")
        track = self.track(now, message.track)
        existing = track.upstreams.get(session)
        if existing is not None:
            if existing.established:
                raise Refusal(RequestCode.DUPLICATE_SUBSCRIPTION, "this track is published already")
            track.replace(existing)
        upstream = Upstream(track, session)
        try:
            upstream.take(now, request, message)
        finally:
            track.settle(now)
        self.offer_to_interested(now, track)
        upstream.grant(request)

    def offer_to_interested(self, now: float, track: Track) -> None:
        """Offers a published track to every session that subscribed its namespace."""
        if track.offered:
            for interest in self.interests.covering(track.name.namespace):
                self._push(now, interest, track)

    def _push(self, now: float, interest: NamespaceInterest, track: Track) -> None:
        """Offers a published track to a session that wants to hear of such."""
        session = interest.session
        if (
            interest.wants_tracks
            and session.takes_publish
            and session.reachable
            and session.carries(track.name.namespace)
            and session not in track.subscriptions
        ):
            subscription = Subscription.offered(track, session, now, forward=interest.forward)
            track.subscriptions[session] = subscription
            track.settle(now)
            subscription.push(now)
            track.pull(now)

    def offer_again(self, now: float, track: Track, session: "Session") -> None:
        """Offers a track that was published anew while the session's old subscription drained."""
        if track.offered:
            for interest in session.interests.values():
                if has_prefix(track.name.namespace, interest.prefix):
                    self._push(now, interest, track)

    def _fetch(self, now: float, request: PeerRequest, message: messages.Fetch) -> None:
        session = request.session
        session.require(now, Operation.SUBSCRIBE, message.tokens)
        if session.fetches >= self.plane.limits.fetches:
            raise busy("the session fetches too much at once")
        job = FetchJob(request, message)
        try:
            chosen = message.range
            if isinstance(chosen, StandaloneFetch):
                track = self.tracks.get(chosen.track)
                if track is None and self._publishers(chosen.track.namespace):
                    raise Refusal(
                        RequestCode.UNKNOWN_STATUS_IN_RANGE, "nothing of the range is cached"
                    )
                job.begin_standalone(track, chosen)
            else:
                job.begin_joining(self._joined(session, chosen.joining_request_id))
        except Refusal:
            job.cancelled(now)
            raise

    def _joined(self, session: "Session", request_id: int) -> Subscription:
        joined = session.requests.get(request_id)
        owner = None if joined is None else joined.owner
        if not isinstance(owner, Subscription):
            raise Refusal(
                RequestCode.INVALID_JOINING_REQUEST_ID, "no subscription has this Request ID"
            )
        return owner

    def _track_status(
        self, now: float, request: PeerRequest, message: messages.TrackStatus
    ) -> None:
        session = request.session
        session.require(now, Operation.SUBSCRIBE, message.tokens)
        if session.statuses >= self.plane.limits.track_statuses:
            raise busy("the session asks for too many statuses at once")
        track = self.tracks.get(message.track)
        if track is not None and track.sources:
            StatusJob(request, message.track).query(track)
            return
        publishers = self._publishers(message.track.namespace)
        if not publishers:
            raise Refusal(RequestCode.DOES_NOT_EXIST, "nobody publishes this track")
        StatusJob(request, message.track).forward(now, publishers)

    def _publishers(self, namespace: Namespace) -> list["Session"]:
        """The sessions that publish the namespace, or a prefix of it, and can be asked."""
        found = {
            publisher.session: None
            for publisher in self.namespaces.covering(namespace)
            if publisher.session.reachable and publisher.session.carries(namespace)
        }
        return [*found]

    def _publish_namespace(
        self, now: float, request: PeerRequest, message: messages.PublishNamespace
    ) -> None:
        session, namespace = request.session, message.namespace
        session.require(now, Operation.PUBLISH, message.tokens)
        older = session.namespaces.get(namespace)
        if older is None and len(session.namespaces) >= self.plane.limits.namespaces:
            raise busy("the session publishes too many namespaces")
        others = self.namespaces.at(namespace)
        if self.plane.limits.compat == "cloudflare" and others and older is None:
            raise Refusal(RequestCode.UNINTERESTED, "the namespace is published already")
        published = PublishedNamespace(self, request, namespace)
        self.namespaces.add(namespace, published)
        session.namespaces[namespace] = published
        session.name(request, namespace)
        request.grant()
        if older is not None:
            # The same session says it again: the newer request stands for both.
            older.request.retire()
            self.namespaces.remove(namespace, older)
        if not others:
            for interest in self.interests.covering(namespace):
                if interest.wants_namespaces:
                    interest.announce(now, namespace)
        for track in self._by_namespace.under(namespace):
            if track.wanted:
                track.offer(now, session)

    def withdraw_namespace(self, now: float, published: PublishedNamespace) -> None:
        """A publisher serves no new subscriptions under its namespace."""
        namespace = published.namespace
        self.namespaces.remove(namespace, published)
        if published.session.namespaces.get(namespace) is published:
            del published.session.namespaces[namespace]
        if not self.namespaces.at(namespace):
            for interest in self.interests.covering(namespace):
                interest.withdraw(namespace)

    def _subscribe_namespace(
        self, now: float, request: PeerRequest, message: messages.SubscribeNamespace
    ) -> None:
        session, prefix = request.session, message.prefix
        session.require(now, Operation.SUBSCRIBE, message.tokens)
        for other in session.interests:
            if has_prefix(prefix, other) or has_prefix(other, prefix):
                raise Refusal(RequestCode.PREFIX_OVERLAP, "the prefix overlaps another one")
        if len(session.interests) >= self.plane.limits.namespace_subscriptions:
            raise busy("the session subscribes too many prefixes")
        interest = NamespaceInterest(
            self,
            request,
            prefix,
            wants_namespaces=message.wants_namespaces,
            wants_tracks=message.wants_tracks,
            forward=message.forward,
        )
        self.interests.add(prefix, interest)
        session.interests[prefix] = interest
        session.name(request, prefix)
        request.grant()
        if interest.wants_namespaces:
            for published in self.namespaces.under(prefix):
                interest.announce(now, published.namespace)
        if interest.wants_tracks:
            for track in [*self._by_namespace.under(prefix)]:
                if track.offered:
                    self._push(now, interest, track)

    def drop_interest(self, interest: NamespaceInterest) -> None:
        """A session wants to hear no more of a prefix; what it has subscribed meanwhile stays."""
        self.interests.remove(interest.prefix, interest)
        if interest.session.interests.get(interest.prefix) is interest:
            del interest.session.interests[interest.prefix]


def busy(reason: str) -> Refusal:
    return Refusal(RequestCode.EXCESSIVE_LOAD, reason, BUSY_RETRY_MS)


_OPENERS: "Mapping[type[OpeningMessage], Callable[[Relay, float, PeerRequest, Any], None]]" = {
    messages.Subscribe: Relay._subscribe,
    messages.Publish: Relay._publish,
    messages.Fetch: Relay._fetch,
    messages.TrackStatus: Relay._track_status,
    messages.PublishNamespace: Relay._publish_namespace,
    messages.SubscribeNamespace: Relay._subscribe_namespace,
}
