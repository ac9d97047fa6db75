"""Offers and answers of one session, and what they mean for the engine."""

from tidegate.calls.negotiation.negotiation import Negotiation, State
from tidegate.calls.negotiation.plans import (
    Answer,
    Credentials,
    Encoding,
    Intents,
    LocalTransport,
    Offer,
    Outcome,
    Pull,
    Push,
    Reception,
    RemoteTransport,
    Sending,
)
from tidegate.calls.payload_types import Kind

__all__ = [
    "Answer",
    "Credentials",
    "Encoding",
    "Intents",
    "Kind",
    "LocalTransport",
    "Negotiation",
    "Offer",
    "Outcome",
    "Pull",
    "Push",
    "Reception",
    "RemoteTransport",
    "Sending",
    "State",
]
