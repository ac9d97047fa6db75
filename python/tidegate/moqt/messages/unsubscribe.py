"""UNSUBSCRIBE: the subscriber has had enough."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    request_id: int
