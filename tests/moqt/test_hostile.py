"""Peers that say anything at all: only their own sessions end, and nothing of them stays."""

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tidegate.moqt import messages
from tidegate.moqt.codes import DoneCode, RequestCode, RequestKind
from tidegate.moqt.errors import EncodeError
from tidegate.moqt.messages import (
    AbsoluteJoiningFetch,
    Message,
    RelativeJoiningFetch,
    StandaloneFetch,
)
from tidegate.moqt.names import FullTrackName, Location
from tidegate.moqt.requests import OwnRequest, Progress, Request
from tidegate.moqt.subscription import LARGEST_OBJECT, NEXT_GROUP, Filter, GroupOrder
from tidegate.moqt.token import Token
from tidegate.moqt.version import Profile

from tests.moqt.harness import (
    PROFILES,
    RelayNet,
    SinkAttached,
    SourceEnded,
    TrackState,
    token,
)


class Talker:
    """Says well-formed messages with small random fields: some right, some wrong."""

    def __init__(self, net: RelayNet, dice: random.Random) -> None:
        self.client = net.client(dice.choice(PROFILES))
        self.net = net
        self.dice = dice

    def talk(self) -> None:
        roll = self.dice.random()
        if roll < 0.5:
            message = self.opening()
        elif roll < 0.98:
            message = self.fitting() or self.opening()
        else:
            message = self.anything()
        client = self.client
        stream = client.control
        if isinstance(message, messages.SubscribeNamespace):
            if client.profile.namespace_requests_on_own_stream:
                stream = client._next_stream
            client._next_stream += 4
        try:
            data = messages.encode(client.profile, message)
        except EncodeError:
            if not isinstance(message, Reply):
                client._next_request -= 2
            return
        fin = stream != client.control and self.dice.random() < 0.3
        client.say_bytes(data, stream=stream, fin=fin)

    # What it says is made of few names and numbers, so that much of it meets.

    @property
    def name(self) -> FullTrackName:
        return FullTrackName(self.fields, self.dice.choice([b"x", b"y"]))

    @property
    def fields(self) -> tuple[bytes, ...]:
        empty = b"" if self.client.profile.empty_namespace_fields else b"a"
        return tuple(self.dice.choices([b"a", b"b", empty], k=self.dice.randrange(1, 4)))

    @property
    def start(self) -> Location:
        return Location(self.dice.randrange(4), self.dice.randrange(3))

    @property
    def largest(self) -> Location | None:
        return self.dice.choice([None, self.start])

    @property
    def filter(self) -> Filter:
        return self.dice.choice(
            [
                LARGEST_OBJECT,
                LARGEST_OBJECT,
                NEXT_GROUP,
                Filter(self.start),
                Filter(self.start, self.dice.randrange(6)),
            ]
        )

    @property
    def tokens(self) -> tuple[Token, ...]:
        alias = self.dice.randrange(60)
        return self.dice.choice(
            [
                *[()] * 12,
                (Token.register(alias, b"x" * self.dice.randrange(40)),),
                (Token.use_alias(alias),),
                (Token.delete(alias),),
                (Token.use_value(token().encode()),),
                (Token.use_value(b"garbage"),),
            ]
        )

    def opening(self) -> Message:
        dice = self.dice
        request_id = self.client.next_request()
        known = self.known_id()
        number = dice.randrange(4)
        joining: messages.FetchRange = AbsoluteJoiningFetch(known, 1)
        if dice.random() < 0.5:
            joining = RelativeJoiningFetch(known, 1)
        standalone = StandaloneFetch(self.name, self.start, self.start)
        choices: list[Message] = [
            messages.Subscribe(
                request_id,
                self.name,
                filter=self.filter,
                tokens=self.tokens,
                new_group_request=dice.choice([None, number]),
            ),
            messages.Publish(
                request_id,
                self.name,
                self.client.next_alias() if dice.random() < 0.95 else 1,
                largest=self.largest,
                tokens=self.tokens,
                properties=((0x30, 1),),
            ),
            messages.PublishNamespace(request_id, self.fields, self.tokens),
            messages.SubscribeNamespace(request_id, self.fields, tokens=self.tokens),
            messages.TrackStatus(request_id, self.name, self.tokens),
            messages.Fetch(request_id, standalone, tokens=self.tokens),
            messages.Fetch(request_id, joining, group_order=GroupOrder.DESCENDING),
            messages.RequestUpdate(
                request_id,
                known,
                priority=3,
                forward=dice.random() < 0.5,
                filter=self.filter,
                new_group_request=dice.choice([None, number]),
                tokens=self.tokens,
            ),
        ]
        return dice.choice(choices)

    def open_requests(self) -> list[Request]:
        return [*self.net.server.sessions[self.client.session].requests.values()]

    def known_id(self) -> int:
        opened = self.open_requests()
        if opened and self.dice.random() < 0.98:
            return self.dice.choice(opened).request_id
        return self.dice.randrange(20)

    def fitting(self) -> Message | None:
        """An answer to, or the end of, something that is open."""
        opened = self.open_requests()
        if not opened:
            return None
        request = self.dice.choice(opened)
        kind, request_id = request.kind, request.request_id
        ours = unanswered = False
        if isinstance(request, OwnRequest):
            ours, unanswered = True, request.progress is not Progress.ANSWERED
        if unanswered and self.dice.random() < 0.3:
            code = self.dice.choice([*RequestCode])
            return messages.RequestError(request_id, kind, code, retry_after=3)
        done = messages.PublishDone(request_id, self.dice.choice([*DoneCode]), 1)
        match kind, ours:
            case RequestKind.SUBSCRIBE, True if unanswered:
                alias = self.client.next_alias()
                properties = self.dice.choice([(), ((0x30, 1),)])
                return messages.SubscribeOk(
                    request_id, alias, largest=self.largest, properties=properties
                )
            case RequestKind.PUBLISH, True if unanswered:
                return messages.PublishOk(request_id, filter=self.filter, new_group_request=1)
            case _, True if unanswered:
                return messages.RequestOk(request_id, kind, largest=self.largest)
            case (RequestKind.SUBSCRIBE, True) | (RequestKind.PUBLISH, False):
                return done
            case (RequestKind.SUBSCRIBE, False) | (RequestKind.PUBLISH, True):
                return messages.Unsubscribe(request_id)
            case RequestKind.FETCH, False:
                return messages.FetchCancel(request_id)
            case RequestKind.PUBLISH_NAMESPACE, False:
                return messages.PublishNamespaceDone(request_id, self.fields)
            case RequestKind.PUBLISH_NAMESPACE, True:
                return messages.PublishNamespaceCancel(request_id, self.fields)
        return None

    def anything(self) -> Message:
        dice, known = self.dice, self.known_id()
        kind, code = dice.choice([*RequestKind]), dice.choice([*RequestCode])
        choices: list[Message] = [
            messages.SubscribeOk(known, 1, largest=self.largest),
            messages.PublishOk(known, filter=self.filter),
            messages.RequestOk(known, kind, largest=self.largest),
            messages.RequestError(known, kind, code),
            messages.PublishDone(known, dice.choice([*DoneCode]), 1),
            messages.Unsubscribe(known),
            messages.FetchCancel(known),
            messages.UnsubscribeNamespace(self.fields),
            messages.MaxRequestId(200 + self.client._next_request),
            messages.RequestsBlocked(known),
            messages.Goaway(dice.choice(["", "", "x"])),
        ]
        return dice.choice(choices)


Reply = (
    messages.SubscribeOk
    | messages.PublishOk
    | messages.RequestOk
    | messages.RequestError
    | messages.PublishDone
    | messages.PublishNamespaceDone
    | messages.PublishNamespaceCancel
    | messages.UnsubscribeNamespace
    | messages.Goaway
)


@pytest.mark.parametrize("seed", range(60))
def test_random_messages_harm_nobody_else(seed: int) -> None:
    """S4, S5, S8: whatever eight peers say, the ninth is served, and nothing of them stays."""
    dice = random.Random(seed)
    net = RelayNet(linger_ms=dice.choice([0, 3000]))
    witness = net.client(PROFILES[0])
    talkers: list[Talker] = []
    for _ in range(400):
        if dice.random() < 0.05:
            net.engine.slow = {
                each for each in (SinkAttached, SourceEnded, TrackState) if dice.random() < 0.5
            }
        if dice.random() < 0.1:
            net.engine.release()
            net.run()
        if dice.random() < 0.05:
            net.advance(dice.choice([0.5, 3, 11]))
        talkers = [talker for talker in talkers if talker.client.closed is None]
        if len(talkers) < 8:
            talkers.append(Talker(net, dice))
        dice.choice(talkers).talk()
    net.engine.release()
    net.run()
    assert witness.closed is None
    witness.publish("witness", "track")
    witness.subscribe("witness", "track")
    witness.take(messages.SubscribeOk)
    for client in [witness, *(talker.client for talker in talkers)]:
        if client.closed is None:
            client.leave(dice.choice([0, None]))
    net.assert_nothing_left()


@pytest.mark.parametrize("profile", PROFILES, ids=str)
@given(data=st.binary(max_size=200), cuts=st.lists(st.integers(0, 200), max_size=4))
@settings(max_examples=300, deadline=None)
def test_random_bytes_harm_nobody_else(profile: Profile, data: bytes, cuts: list[int]) -> None:
    """S5: in one piece or in several, before SETUP or after it."""
    net = RelayNet()
    witness = net.client(profile)
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    for client in (net.client(profile), net.dial(profile)):
        for first, last in itertools.pairwise(edges):
            if client.closed is None:
                client.say_bytes(data[first:last])
    net.advance(60)
    witness.publish_namespace("still/here")
    witness.take(messages.RequestOk)
