"""Any requests and events in any order leave the rules and the engine agreed."""

import logging
import random
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from tidegate import bugs
from tidegate.calls.limits import Limits
from tidegate.calls.session import Phase

from tests.calls.harness import APP, OTHER_APP, Client, Kind, Reply, Sfu, remote

T = TypeVar("T")

NAMES = ["cam", "mic", "screen", "talk", "desk"]
MIDS = ["0", "1", "2", "#cam", "#screen", "x"]
KINDS: list[Kind] = ["audio", "video"]
RIDS: list[list[str]] = [[], ["f", "h", "q"]]


class Bugs(logging.Handler):
    """What :mod:`tidegate.bugs` reported."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(record.getMessage())


class Peer:
    """A client, and replies to it that may hold an offer of ours."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.offers: list[Reply] = []

    @property
    def alive(self) -> bool:
        return self.client.session_id in self.client.sfu.server.apps.get(self.client.app, {})


class Churn(RuleBasedStateMachine):
    """Two apps, a few sessions each, and everything that a client or the engine can do."""

    def __init__(self) -> None:
        super().__init__()
        self.sfu = Sfu(Limits(requests_per_second=10_000, sections=12, sessions_per_app=5))
        self.peers: list[Peer] = []
        self.replies: list[Reply] = []
        self.bugs = Bugs()
        bugs.log.addHandler(self.bugs)

    @initialize()
    def begin(self) -> None:
        """Some that publish, and one that watches."""
        watcher = self.sfu.client()
        for names, app, rids in (
            (["cam", "mic"], APP, ["f", "h", "q"]),
            (["screen"], APP, []),
            (["cam"], OTHER_APP, []),
        ):
            publisher = self.sfu.publisher(*names, app=app, rids=rids)
            self.peers.append(Peer(publisher))
            if app == APP:
                watcher.pull(*((publisher, name) for name in names))
        watcher.connect()
        self.peers.append(Peer(watcher))

    def teardown(self) -> None:
        bugs.log.removeHandler(self.bugs)
        self.sfu.advance(60)
        for peer in self.peers:
            if peer.alive and peer.client.session.connected:
                peer.client.disconnect()
        self.sfu.advance(91)
        assert not [reply for reply in self.replies if reply.waits]
        assert self.sfu.server.apps == {}
        assert self.sfu.engine.sessions == {}
        assert self.sfu.engine.tracks == {}
        assert self.sfu.engine.sinks == {}
        assert self.sfu.server.next_timeout() is None

    def peer(self, index: int) -> Peer:
        """One of those that live, or lately did."""
        recent = self.peers[-12:]
        return recent[index % len(recent)]

    def call(self, peer: Peer, operation: str, body: dict[str, Any] | bytes) -> Reply:
        reply = peer.client.call(operation, body)
        self.replies.append(reply)
        return reply

    def described(self, peer: Peer, operation: str, body: dict[str, Any]) -> None:
        """A request with the client's offer, one at a time; the client adopts the answer."""
        client = peer.client
        if peer.alive and client.session.operations:
            self.sfu.advance(20)
        body["sessionDescription"] = {"type": "offer", "sdp": client.offer()}
        reply = self.call(peer, operation, body)
        if reply.waits:
            self.sfu.advance(10)
        if reply.status == 200:
            client.take_answer(reply.sdp)
        else:
            client.lines = [line for line in client.lines if line.mid in client.answered]

    @rule(other=st.booleans())
    def open(self, other: bool) -> None:
        reply = self.sfu.open(app=OTHER_APP if other else APP)
        self.replies.append(reply)
        if reply.status == 201:
            client = Client(self.sfu, app=OTHER_APP if other else APP)
            client.session_id = reply.json["sessionId"]
            self.peers.append(Peer(client))

    @rule(
        who=st.integers(0, 11),
        kind=st.sampled_from(KINDS),
        name=st.sampled_from(NAMES),
        rids=st.sampled_from(RIDS),
        both=st.booleans(),
    )
    def push(self, who: int, kind: Kind, name: str, rids: list[str], both: bool) -> None:
        peer = self.peer(who)
        if len(peer.client.lines) < 10:
            line = peer.client.add(kind, "sendrecv" if both else "sendonly", rids)
            listed = {"location": "local", "mid": line.mid, "trackName": name}
            self.described(
                peer, "new_tracks", {"tracks": [{**listed, "bidirectionalMediaStream": both}]}
            )

    @rule(
        who=st.integers(0, 11),
        listed=st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(MIDS)), max_size=3),
        discover=st.booleans(),
    )
    def push_again(self, who: int, listed: list[tuple[str, str]], discover: bool) -> None:
        tracks = [{"location": "local", "trackName": name, "mid": mid} for name, mid in listed]
        self.described(self.peer(who), "new_tracks", {"tracks": tracks, "autoDiscover": discover})

    @rule(
        who=st.integers(0, 11),
        listed=st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(KINDS)), max_size=3),
    )
    def push_without_offer(self, who: int, listed: list[tuple[str, Kind]]) -> None:
        tracks = [
            {"location": "local", "trackName": name, "kind": kind, "bidirectionalMediaStream": True}
            for name, kind in listed
        ]
        self.offered(self.peer(who), self.call(self.peer(who), "new_tracks", {"tracks": tracks}))

    @rule(
        who=st.integers(0, 11),
        tracks=st.lists(
            st.tuples(
                st.integers(0, 9),
                st.sampled_from(NAMES),
                st.sampled_from([None, None, *MIDS]),
                st.sampled_from([None, "h", ""]),
            ),
            max_size=3,
        ),
    )
    def pull(self, who: int, tracks: list[tuple[int, str, str | None, str | None]]) -> None:
        peer = self.peer(who)
        self.offered(peer, self.call(peer, "new_tracks", {"tracks": self.remotes(tracks)}))

    def remotes(
        self, tracks: list[tuple[int, str, str | None, str | None]]
    ) -> list[dict[str, object]]:
        return [
            remote(
                self.peer(publisher).client,
                name,
                mid=mid,
                simulcast=None if rid is None else {"preferredRid": rid},
            )
            for publisher, name, mid, rid in tracks
        ]

    def offered(self, peer: Peer, reply: Reply) -> None:
        if reply.waits or reply.json.get("requiresImmediateRenegotiation"):
            peer.offers.append(reply)

    @rule(
        who=st.integers(0, 11),
        publisher=st.integers(0, 11),
        names=st.lists(st.sampled_from(NAMES), min_size=1, max_size=2),
        kind=st.sampled_from(KINDS),
    )
    def pull_with_offer(self, who: int, publisher: int, names: list[str], kind: Kind) -> None:
        peer = self.peer(who)
        if len(peer.client.lines) < 10:
            peer.client.add(kind, "recvonly")
            tracks = [remote(self.peer(publisher).client, name) for name in names]
            self.described(peer, "new_tracks", {"tracks": tracks})

    @rule(who=st.integers(0, 11), refuse=st.booleans())
    def answer(self, who: int, refuse: bool) -> None:
        peer = self.peer(who)
        client = peer.client
        ready = [reply for reply in peer.offers if not reply.waits]
        peer.offers = [reply for reply in peer.offers if reply.waits]
        ready = [reply for reply in ready if reply.json.get("requiresImmediateRenegotiation")]
        if not ready:
            return
        (reply,) = ready
        known = {line.mid for line in client.lines}
        client.take_offer(reply.sdp)
        for line in [line for line in client.lines if line.mid not in known][:1]:
            line.stopped = refuse
        answered = self.call(
            peer,
            "renegotiate",
            {"sessionDescription": {"type": "answer", "sdp": client.answer()}},
        )
        if peer.alive:
            assert answered.waits or answered.status == 200, answered.json

    @rule(who=st.integers(0, 11), mids=st.lists(st.sampled_from(MIDS), max_size=3))
    def force(self, who: int, mids: list[str]) -> None:
        tracks = [{"mid": mid} for mid in mids]
        self.call(self.peer(who), "close_tracks", {"tracks": tracks, "force": True})

    @rule(
        who=st.integers(0, 11),
        mids=st.lists(st.sampled_from(MIDS), min_size=1, max_size=3),
        stop=st.booleans(),
    )
    def close(self, who: int, mids: list[str], stop: bool) -> None:
        peer = self.peer(who)
        stopped = [line for line in peer.client.lines if line.mid == mids[0] and not line.stopped]
        if stop:
            for line in stopped:
                line.stopped = True
        tracks = [{"mid": mid} for mid in mids]
        self.described(peer, "close_tracks", {"tracks": tracks, "force": False})
        if self.replies[-1].status != 200:
            for line in stopped:
                line.stopped = False

    @rule(
        who=st.integers(0, 11),
        publisher=st.integers(0, 11),
        name=st.sampled_from(NAMES),
        mid=st.sampled_from(MIDS),
        rid=st.sampled_from([None, "f", "z"]),
    )
    def update(self, who: int, publisher: int, name: str, mid: str, rid: str | None) -> None:
        tracks = self.remotes([(publisher, name, mid, rid)])
        self.call(self.peer(who), "update_tracks", {"tracks": tracks})

    @rule(
        who=st.integers(0, 11),
        operation=st.sampled_from(["new_tracks", "renegotiate", "update_tracks", "close_tracks"]),
        body=st.sampled_from(
            [
                b"",
                b"{",
                b"[]",
                b'{"tracks": [{}]}',
                b'{"sessionDescription": {"type": "answer", "sdp": "v=0"}}',
                b'{"sessionDescription": {"type": "offer", "sdp": "v=0"}, "autoDiscover": true}',
            ]
        ),
    )
    def nonsense(self, who: int, operation: str, body: bytes) -> None:
        reply = self.call(self.peer(who), operation, body)
        assert reply.waits or reply.status in (400, 404, 406, 410)

    @rule(who=st.integers(0, 11), up=st.booleans())
    def transport(self, who: int, up: bool) -> None:
        peer = self.peer(who)
        if peer.alive and (up or peer.client.session.phase is Phase.CONNECTED):
            if up:
                peer.client.connect()
            else:
                peer.client.disconnect()

    @rule(who=st.integers(0, 11), silent=st.booleans())
    def media(self, who: int, silent: bool) -> None:
        peer = self.peer(who)
        if peer.alive and peer.client.session.connected:
            for name, publication in [*peer.client.session.names.items()]:
                if publication.track is not None and not silent:
                    peer.client.send(name)
                elif publication.flowing:
                    peer.client.fall_silent(name)

    @rule()
    def all_is_well(self) -> None:
        """Everybody is connected, and every track flows."""
        for index in range(min(12, len(self.peers))):
            self.transport(index, up=True)
            self.media(index, silent=False)

    @rule(seconds=st.sampled_from([0.1, 0.1, 1.0, 1.0, 5.0, 5.0, 5.0, 31.0, 61.0]))
    def advance(self, seconds: float) -> None:
        self.sfu.advance(seconds)

    @precondition(lambda self: len(self.peers) > 8)
    @rule(other=st.booleans())
    def delete_app(self, other: bool) -> None:
        self.sfu.server.close_app(OTHER_APP if other else APP, self.sfu.now)

    @invariant()
    def nothing_was_a_bug(self) -> None:
        assert self.bugs.found == []
        assert 500 not in {reply.status for reply in self.replies}

    @invariant()
    def rules_and_engine_agree(self) -> None:
        engine = self.sfu.engine
        sessions = [s for app in self.sfu.server.apps.values() for s in app.values()]
        assert {session.handle for session in sessions} == set(engine.sessions)
        tracks: dict[int, Any] = {}
        sinks: dict[int, Any] = {}
        for session in sessions:
            assert session.phase is not Phase.ENDED
            assert len(session.publications) <= 12
            assert len(session.subscriptions) <= 12
            for name, publication in session.names.items():
                assert publication.name == name
                assert not publication.ended
                assert session.publications[publication.mid] is publication
                if publication.track is not None:
                    tracks[publication.track] = publication
            for mid, subscription in session.subscriptions.items():
                assert subscription.mid == mid
                source = subscription.publication
                assert source is None or (not source.ended and subscription in source.subscriptions)
                if subscription.sink is not None:
                    sinks[subscription.sink] = subscription
        assert set(tracks) == set(engine.tracks)
        assert set(sinks) == set(engine.sinks)
        for handle, subscription in sinks.items():
            source = subscription.publication
            assert engine.sinks[handle].track == (None if source is None else source.track)
            if source is not None:
                publisher = source.session
                assert self.app_of(publisher.id) == self.app_of(subscription.session.id)

    def app_of(self, session_id: str) -> list[str]:
        return [app for app, live in self.sfu.server.apps.items() if session_id in live]

    @invariant()
    def who_waits_is_waited_for(self) -> None:
        for app in self.sfu.server.apps.values():
            for session in app.values():
                assert all(operation.pending for operation in session.operations)


TestChurn = Churn.TestCase
TestChurn.settings = settings(
    max_examples=60,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


@pytest.mark.parametrize("seed", range(8))
def test_a_long_walk(seed: int) -> None:
    """The same steps, by weight and without end, so that sessions grow old."""
    walk, dice = Churn(), random.Random(seed)
    walk.begin()

    def who() -> int:
        return dice.randrange(12)

    def some(values: Sequence[T], most: int = 3) -> list[T]:
        return dice.choices(values, k=dice.randint(1, most))

    steps: list[tuple[float, Callable[[], None]]] = [
        (6, lambda: walk.open(dice.random() < 0.2)),
        (
            12,
            lambda: walk.push(
                who(),
                dice.choice(KINDS),
                dice.choice(NAMES),
                dice.choice(RIDS),
                dice.random() < 0.5,
            ),
        ),
        (2, lambda: walk.push_again(who(), [*zip(some(NAMES), some(MIDS), strict=False)], True)),
        (1, lambda: walk.push_without_offer(who(), [*zip(some(NAMES), some(KINDS), strict=False)])),
        (
            12,
            lambda: walk.pull(
                who(),
                [
                    (who(), dice.choice(NAMES), dice.choice([*[None] * 9, *MIDS]), None)
                    for _ in range(dice.randint(1, 3))
                ],
            ),
        ),
        (3, lambda: walk.pull_with_offer(who(), who(), some(NAMES, 2), dice.choice(KINDS))),
        (20, lambda: walk.answer(who(), dice.random() < 0.1)),
        (1, lambda: walk.force(who(), some(MIDS))),
        (2, lambda: walk.close(who(), some(MIDS), dice.random() < 0.7)),
        (
            8,
            lambda: walk.update(
                who(), who(), dice.choice(NAMES), dice.choice(MIDS), dice.choice([None, "f", "z"])
            ),
        ),
        (1, lambda: walk.transport(who(), dice.random() < 0.5)),
        (1, lambda: walk.media(who(), dice.random() < 0.2)),
        (15, walk.all_is_well),
        (15, lambda: walk.advance(dice.choice([0.1, 1.0, 5.0]))),
        (0.1, lambda: walk.delete_app(dice.random() < 0.5)),
    ]
    weights, acts = zip(*steps, strict=True)
    for act in dice.choices(acts, weights, k=600):
        act()
        walk.nothing_was_a_bug()
        walk.rules_and_engine_agree()
        walk.who_waits_is_waited_for()
    assert walk.sfu.engine.commands.count("attach_rtc_sink") > 3
    walk.teardown()
