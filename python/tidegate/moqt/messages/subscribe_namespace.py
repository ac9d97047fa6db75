"""SUBSCRIBE_NAMESPACE: asks for the namespaces, and tracks, under a prefix."""

from dataclasses import dataclass

from tidegate.moqt.names import Namespace
from tidegate.moqt.token import Token


@dataclass(frozen=True, slots=True)
class SubscribeNamespace:
    """Attributes:
    prefix: may be empty, for everything.
    wants_namespaces: NAMESPACE (14: PUBLISH_NAMESPACE) for each match. Always at 14.
    wants_tracks: PUBLISH for each match. Always at 14.
    forward: of the PUBLISHes that follow. Always at 14.
    """

    request_id: int
    prefix: Namespace
    wants_namespaces: bool = True
    wants_tracks: bool = True
    forward: bool = True
    tokens: tuple[Token, ...] = ()
