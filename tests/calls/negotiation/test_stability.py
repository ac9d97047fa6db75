"""What holds over the whole life of a session, whatever its client does.

The client of the harness checks every description: payload types and header extension ids keep
their meaning, sections their order, origins their version.
"""

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tidegate.calls.negotiation import Intents, Outcome, Pull, Push

from tests.calls.negotiation.client import Session, published

CLIENTS = [
    "chromium-156/recvonly",
    "firefox-153/recvonly",
    "aiortc-1.16.0/recvonly",
    "pion-4.2.9/recvonly",
    "wrtc-0.10/recvonly",
]
TRACKS = [
    track
    for name in (
        "chromium-156/simulcast",
        "chromium-156/video-audio",
        "firefox-153/simulcast",
        "aiortc-1.16.0/audio-video",
        "pion-4.2.9/audio-video",
        "wrtc-0.10/audio-video",
    )
    for track in published(name).values()
]


class Walk:
    """A session whose client does one thing after another; keeps account of what flows."""

    def __init__(self, name: str, dice: Random, sections: int = 512) -> None:
        self.session = Session(name, seed=dice.getrandbits(32), sections=sections)
        self.dice = dice
        self.receiving: set[str] = set()
        self.sending: set[str] = set()

    def account(self, outcome: Outcome) -> None:
        """An end comes once, and of what began."""
        assert outcome.receiving_ended <= self.receiving
        assert outcome.sending_ended <= self.sending
        self.receiving = (self.receiving - outcome.receiving_ended) | outcome.receiving.keys()
        self.sending = (self.sending - outcome.sending_ended) | outcome.sending.keys()
        for mid in self.receiving:
            assert self.session.negotiation.reception(mid) is not None

    def pull(self) -> None:
        tracks = self.dice.choices(TRACKS, k=self.dice.randint(1, 3))
        pulls = [Pull(track, f"publisher{self.dice.randint(1, 3)}") for track in tracks]
        if self.session.negotiation.room >= len(pulls):
            refuse = [f"{self.dice.randint(0, 30)}"] if self.dice.random() < 0.1 else []
            carried = [mid for mid in refuse if mid in self.receiving | self.sending]
            self.account(self.session.pull(*pulls, refuse=set(refuse) - set(carried)))

    def push(self) -> None:
        kind = self.dice.choice(["audio", "video"])
        rids = "fhq"[: self.dice.randint(0, 3)] if kind == "video" else ""
        if self.session.negotiation.room:
            self.session.client.add(kind, self.dice.choice(["sendonly", "sendrecv"]), rids)
        self.offer()

    def offer_to_receive(self) -> None:
        if self.session.negotiation.room:
            self.session.client.add(self.dice.choice(["audio", "video"]), "recvonly")
        pulls = [Pull(track, "publisher") for track in self.dice.choices(TRACKS, k=2)]
        self.account(self.session.client_offers(Intents(pulls=pulls)))

    def ask_for_a_push(self) -> None:
        if self.session.negotiation.room:
            offer = self.session.negotiation.offer([], [Push("video", self.dice.random() < 0.5)])
            answer = self.session.client.answer(offer.sdp)
            self.account(self.session.negotiation.accept_answer(answer))

    def stop(self) -> None:
        if self.session.client.transceivers:
            self.dice.choice(self.session.client.transceivers).stopped = True
        self.offer()

    def pause(self) -> None:
        if self.session.client.transceivers:
            transceiver = self.dice.choice(self.session.client.transceivers)
            transceiver.direction = self.dice.choice(["inactive", "recvonly", "sendonly"])
        self.offer()

    def close(self) -> None:
        mids = [f"{self.dice.randint(0, 30)}" for _ in range(3)]
        if self.session.client.transceivers:
            self.account(self.session.client_offers(Intents(close=mids)))

    def close_by_force(self) -> None:
        mids = {f"{self.dice.randint(0, 30)}" for _ in range(3)}
        self.session.negotiation.close(mids)
        self.receiving -= mids
        self.sending -= mids

    def offer(self) -> None:
        if self.session.client.transceivers:
            self.account(self.session.client_offers())

    def steps(self) -> list[Callable[[], None]]:
        return [
            *[self.pull] * 4,
            *[self.push] * 3,
            self.offer_to_receive,
            self.ask_for_a_push,
            *[self.stop] * 2,
            self.pause,
            self.close,
            self.close_by_force,
            self.offer,
        ]


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(CLIENTS), st.randoms(use_true_random=False), st.integers(5, 20))
def test_numbers_and_order_are_kept_whatever_happens(name: str, dice: Random, steps: int) -> None:
    walk = Walk(name, Random(dice.getrandbits(64)))
    for _ in range(steps):
        walk.dice.choice(walk.steps())()


@pytest.mark.parametrize("seed", range(2))
def test_a_small_session_lives_long(seed: int) -> None:
    """With 24 sections, everything is recycled again and again, by both sides."""
    walk = Walk("chromium-156/recvonly", Random(seed), sections=24)
    for _ in range(200):
        walk.dice.choice(walk.steps())()
    assert walk.session.negotiation._session.next_mid > 48


def test_64_sections_are_negotiated_100_times() -> None:
    session = Session()
    for _ in range(16):
        session.client.add("audio")
        session.client.add("video", rids="fhq")
    session.client_offers()
    for _ in range(32):
        session.pull(Pull(TRACKS[0], "a"))
    for _ in range(50):
        answer = session.client_offers()
        assert (dict(answer.receiving), dict(answer.sending)) == ({}, {})
        offer = session.negotiation.offer()
        outcome = session.negotiation.accept_answer(session.client.answer(offer.sdp))
        assert (dict(outcome.receiving), dict(outcome.sending)) == ({}, {})
        assert not outcome.receiving_ended | outcome.sending_ended | outcome.refused
