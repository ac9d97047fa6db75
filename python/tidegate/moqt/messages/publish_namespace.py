"""PUBLISH_NAMESPACE: the sender has tracks under a namespace."""

from dataclasses import dataclass

from tidegate.moqt.names import Namespace
from tidegate.moqt.token import Token


@dataclass(frozen=True, slots=True)
class PublishNamespace:
    request_id: int
    namespace: Namespace
    tokens: tuple[Token, ...] = ()
