"""Offers and answers of one session, and what they mean for the engine."""

from tidegate.calls.negotiation.negotiation import Negotiation, State
from tidegate.calls.negotiation.plans import (
    Answer,
    Credentials,
    Encoding,
    Intents,
    Kind,
    LocalTransport,
    Offer,
    Outcome,
    Pull,
    Push,
    Reception,
    RemoteTransport,
    Sending,
)

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
