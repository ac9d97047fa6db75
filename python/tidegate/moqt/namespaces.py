"""Namespaces of a relay: who published them, and who wants to know."""

from typing import TYPE_CHECKING

from tidegate.moqt.codes import RequestKind
from tidegate.moqt.failures import Refusal
from tidegate.moqt.messages import (
    Message,
    NamespaceDone,
    PublishNamespace,
    RequestUpdate,
)
from tidegate.moqt.messages import Namespace as NamespaceMessage
from tidegate.moqt.names import Namespace
from tidegate.moqt.requests import OwnRequest, PeerRequest, RequestOwner
from tidegate.tokens import Operation

if TYPE_CHECKING:
    from tidegate.moqt.relay import Relay
    from tidegate.moqt.session import Session


class PublishedNamespace(RequestOwner):
    """A session's PUBLISH_NAMESPACE: subscriptions under it are forwarded to that session."""

    __slots__ = ("namespace", "relay", "request", "session")

    def __init__(self, relay: "Relay", request: PeerRequest, namespace: Namespace) -> None:
        self.relay = relay
        self.request = request
        self.session: Session = request.session
        self.namespace = namespace
        request.owner = self

    def updated(self, now: float, update: PeerRequest, message: RequestUpdate) -> None:
        self.session.require(now, Operation.PUBLISH, message.tokens)
        update.grant()

    def cancelled(self, now: float) -> None:
        self.relay.withdraw_namespace(now, self)


class NamespaceInterest(RequestOwner):
    """A session's SUBSCRIBE_NAMESPACE: it hears of what is published under the prefix.

    Attributes:
        forward: of the PUBLISHes that it causes.
    """

    __slots__ = (
        "_notices",
        "forward",
        "prefix",
        "relay",
        "request",
        "session",
        "wants_namespaces",
        "wants_tracks",
    )

    def __init__(
        self,
        relay: "Relay",
        request: PeerRequest,
        prefix: Namespace,
        *,
        wants_namespaces: bool,
        wants_tracks: bool,
        forward: bool,
    ) -> None:
        self.relay = relay
        self.request = request
        self.session: Session = request.session
        self.prefix = prefix
        self.wants_namespaces = wants_namespaces
        self.wants_tracks = wants_tracks
        self.forward = forward
        self._notices: dict[Namespace, NamespaceNotice | None] = {}
        request.owner = self

    def announce(self, now: float, namespace: Namespace) -> None:
        """Tells of a namespace that has its first publisher; once until it is withdrawn."""
        session = self.session
        if namespace in self._notices or not session.carries(namespace):
            return
        if session.profile.namespaces_have_messages:
            self._notices[namespace] = None
            self.request.send(NamespaceMessage(namespace[len(self.prefix) :]))
        elif session.reachable:
            self._notices[namespace] = NamespaceNotice(now, session, namespace)

    def withdraw(self, namespace: Namespace) -> None:
        """Tells that the namespace has lost its last publisher, if it was announced."""
        if namespace not in self._notices:
            return
        notice = self._notices.pop(namespace)
        if notice is None:
            self.request.send(NamespaceDone(namespace[len(self.prefix) :]))
        else:
            notice.withdraw()

    def updated(self, now: float, update: PeerRequest, message: RequestUpdate) -> None:
        self.session.require(now, Operation.SUBSCRIBE, message.tokens)
        if message.forward is not None:
            self.forward = message.forward
        update.grant()

    def cancelled(self, now: float) -> None:
        self.relay.drop_interest(self)
        for notice in self._notices.values():
            if notice is not None:
                notice.withdraw()
        self._notices.clear()


class NamespaceNotice(RequestOwner):
    """PUBLISH_NAMESPACE towards a session that subscribed a prefix, in drafts without NAMESPACE."""

    __slots__ = ("_namespace", "_request")

    def __init__(self, now: float, session: "Session", namespace: Namespace) -> None:
        self._namespace = namespace
        self._request = session.request(now, RequestKind.PUBLISH_NAMESPACE, self, patient=True)

    def credited(self, now: float, request: OwnRequest) -> None:
        request.issue(now)
        request.session.name(request, self._namespace)
        request.send(PublishNamespace(request.request_id, self._namespace))

    def accepted(self, now: float, reply: Message) -> None:
        """Whether the peer takes the notice makes no difference to what it is told later."""

    def refused(self, now: float, refusal: Refusal) -> None:
        """The peer is not interested in this one: its request is over, and never withdrawn."""

    def withdraw(self) -> None:
        self._request.withdraw()
