"""Random sessions that subscribe, publish, change their minds and leave."""

import random
from collections import Counter
from typing import Any

import pytest
from tidegate.moqt import messages
from tidegate.moqt.codes import DoneCode, RequestCode, RequestKind
from tidegate.moqt.limits import Limits
from tidegate.moqt.messages import RelativeJoiningFetch, StandaloneFetch
from tidegate.moqt.names import Location
from tidegate.moqt.subscription import LARGEST_OBJECT, NEXT_GROUP, Filter

from tests.moqt.harness import PROFILES, Client, RelayNet, track

NAMESPACES = ["live", "live/a", "live/a/1", "live/b", "talk"]
NAMES = ["video", "audio"]
ANSWERS = (
    messages.SubscribeOk,
    messages.PublishOk,
    messages.FetchOk,
    messages.RequestOk,
    messages.RequestError,
)


class Actor:
    """A client with habits, and what it has open."""

    def __init__(self, net: RelayNet, dice: random.Random) -> None:
        self.net = net
        self.dice = dice
        self.client: Client = net.client(
            dice.choice(PROFILES), max_request_id=dice.choice([0, 20, 5000])
        )
        self.credit = 5000
        self.subscribed: dict[tuple[str, str], int] = {}
        self.published: dict[tuple[str, str], int] = {}
        self.aliases: dict[tuple[str, str], int] = {}
        self.namespaces: dict[str, int] = {}
        self.prefixes: dict[str, int] = {}
        self.asked: set[int] = set()
        self.given_up: set[int] = set()
        self.answers: Counter[int] = Counter()
        self.client.answers[messages.Subscribe] = self.answer_subscribe
        self.client.answers[messages.Publish] = self.answer_publish
        self.client.answers[messages.PublishNamespace] = self.answer_namespace
        self.client.answers[messages.TrackStatus] = self.answer_status

    # Answers.

    def answer_subscribe(self, asked: messages.Subscribe) -> None:
        fields = [field.decode() for field in asked.track.namespace]
        name = ("/".join(fields), asked.track.track_name.decode())
        roll = self.dice.random()
        if roll < 0.7:
            alias = self.aliases[name] = self.client.next_alias()
            largest = self.dice.choice([None, Location(2, 0)])
            self.client.say(messages.SubscribeOk(asked.request_id, alias, largest=largest))
        elif roll < 0.9:
            self.error(asked.request_id, RequestKind.SUBSCRIBE)

    def answer_publish(self, offered: messages.Publish) -> None:
        roll = self.dice.random()
        if roll < 0.7:
            self.client.say(messages.PublishOk(offered.request_id, filter=LARGEST_OBJECT))
        elif roll < 0.9:
            self.error(offered.request_id, RequestKind.PUBLISH)

    def answer_namespace(self, told: messages.PublishNamespace) -> None:
        kind = RequestKind.PUBLISH_NAMESPACE
        if self.dice.random() < 0.8:
            self.client.say(messages.RequestOk(told.request_id, kind))
        else:
            self.error(told.request_id, kind)

    def answer_status(self, asked: messages.TrackStatus) -> None:
        if self.dice.random() < 0.5:
            kind = RequestKind.TRACK_STATUS
            self.client.say(messages.RequestOk(asked.request_id, kind, largest=Location(1, 1)))

    def error(self, request_id: int, kind: RequestKind) -> None:
        self.client.say(messages.RequestError(request_id, kind, RequestCode.DOES_NOT_EXIST))

    # Deeds.

    def act(self) -> None:
        deeds: list[Any] = [
            *[self.subscribe] * 6,
            *[self.unsubscribe] * 3,
            *[self.publish] * 3,
            *[self.finish] * 2,
            *[self.publish_namespace] * 3,
            *[self.withdraw] * 2,
            self.subscribe_namespace,
            self.unsubscribe_namespace,
            *[self.send] * 5,
            *[self.fetch] * 2,
            self.status,
            self.update,
            self.grant,
        ]
        self.dice.choice(deeds)()
        self.hear()

    def subscribe(self) -> None:
        name = (self.dice.choice(NAMESPACES), self.dice.choice(NAMES))
        if name in self.subscribed and self.client.profile.duplicate_subscription_closes:
            return
        chosen = self.dice.choice([LARGEST_OBJECT, NEXT_GROUP, Filter(Location(1, 0), 6)])
        request_id = self.client.subscribe(*name, filter=chosen, forward=self.dice.random() < 0.9)
        self.subscribed[name] = request_id
        self.asked.add(request_id)

    def unsubscribe(self) -> None:
        if self.subscribed:
            name = self.dice.choice([*self.subscribed])
            request_id = self.subscribed.pop(name)
            self.given_up.add(request_id)
            self.client.say(messages.Unsubscribe(request_id))

    def publish(self) -> None:
        name = (self.dice.choice(NAMESPACES), self.dice.choice(NAMES))
        if name not in self.published and name not in self.aliases:
            alias = self.aliases[name] = self.client.next_alias()
            self.published[name] = self.client.publish(*name, alias=alias)
            self.asked.add(self.published[name])

    def finish(self) -> None:
        if self.published:
            name = self.dice.choice([*self.published])
            request_id = self.published.pop(name)
            self.aliases.pop(name, None)
            self.client.say(messages.PublishDone(request_id, DoneCode.TRACK_ENDED, 1))

    def publish_namespace(self) -> None:
        text = self.dice.choice(NAMESPACES)
        if text not in self.namespaces:
            self.namespaces[text] = self.client.publish_namespace(text)
            self.asked.add(self.namespaces[text])

    def withdraw(self) -> None:
        if self.namespaces:
            text = self.dice.choice([*self.namespaces])
            self.client.withdraw_namespace(self.namespaces.pop(text), text)

    def subscribe_namespace(self) -> None:
        text = self.dice.choice(NAMESPACES)
        if text not in self.prefixes:
            request_id = self.prefixes[text] = self.client.subscribe_namespace(text)
            self.asked.add(request_id)

    def unsubscribe_namespace(self) -> None:
        if self.prefixes:
            text = self.dice.choice([*self.prefixes])
            self.client.unsubscribe_namespace(self.prefixes.pop(text), text)

    def send(self) -> None:
        for alias in self.aliases.values():
            mapped = [
                source
                for source in self.net.engine.sources.values()
                if (source.session, source.alias) == (self.client.session, alias)
            ]
            if mapped:
                group = self.dice.randrange(8)
                self.client.objects(*[(group, number) for number in range(3)], alias=alias)

    def fetch(self) -> None:
        if self.subscribed and self.dice.random() < 0.5:
            joined = self.dice.choice([*self.subscribed.values()])
            owner = self.net.server.sessions[self.client.session].requests.get(joined)
            if owner is None or not getattr(owner.owner, "can_be_joined", True):
                return
            chosen: messages.FetchRange = RelativeJoiningFetch(joined, self.dice.randrange(3))
        else:
            name = track(self.dice.choice(NAMESPACES), self.dice.choice(NAMES))
            first = self.dice.randrange(6)
            chosen = StandaloneFetch(name, Location(first, 0), Location(first + 2, 0))
        request_id = self.client.fetch(chosen)
        self.asked.add(request_id)
        if self.dice.random() < 0.3:
            self.given_up.add(request_id)
            self.client.say(messages.FetchCancel(request_id))

    def status(self) -> None:
        request_id = self.client.next_request()
        self.asked.add(request_id)
        name = track(self.dice.choice(NAMESPACES), self.dice.choice(NAMES))
        self.client.say(messages.TrackStatus(request_id, name))

    def update(self) -> None:
        if self.subscribed and self.client.profile.update_acknowledged:
            existing = self.dice.choice([*self.subscribed.values()])
            self.asked.add(self.client.update(existing, priority=3, forward=True))

    def grant(self) -> None:
        self.credit += 6
        self.client.say(messages.MaxRequestId(self.credit))

    def hear(self) -> None:
        for message in self.client.heard:
            if isinstance(message, ANSWERS):
                self.answers[message.request_id] += 1
            if isinstance(message, messages.RequestError | messages.PublishDone):
                self.forget(message.request_id)
        self.client.heard.clear()

    def forget(self, request_id: int) -> None:
        stores: list[dict[Any, int]] = [
            self.subscribed,
            self.published,
            self.prefixes,
            self.namespaces,
        ]
        for opened in stores:
            for name in [name for name, each in opened.items() if each == request_id]:
                del opened[name]


def check(net: RelayNet, actors: list[Actor]) -> None:
    """What must hold whenever nothing is under way."""
    plane, engine = net.server.plane, net.engine
    for actor in actors:
        assert actor.client.closed is None, actor.client.closed
        assert all(count == 1 for count in actor.answers.values()), "answered more than once"
    assert set(plane.sinks) == set(engine.sinks)
    assert set(plane.sources) == set(engine.sources)
    assert set(plane.tracks) == set(engine.tracks)
    assert all(sink.started for sink in engine.sinks.values())
    # One upstream subscription for each publisher and track, one downstream for each subscriber.
    for members in (engine.sources, engine.sinks):
        pairs = Counter((each.track, each.session) for each in members.values())
        assert all(count == 1 for count in pairs.values())
    relay = net.server.relays.get("a" * 32)
    if relay is not None:
        held = [
            subscription
            for each in relay.tracks.values()
            for subscription in each.subscriptions.values()
            if subscription.held
        ]
        assert relay.held == plane.held == len(held)
        for each in relay.tracks.values():
            established = [upstream for upstream in each.upstreams.values() if upstream.established]
            assert each.sources == len(established)
            waiting = [one for one in each.subscriptions.values() if one.waits and not one.held]
            assert not (waiting and each.sources), "served subscribers do not wait"
            assert each.upstreams or not waiting, "nobody is left to answer"


@pytest.mark.parametrize("seed", range(40))
def test_nothing_is_lost_or_left_in_the_churn(seed: int) -> None:
    """B1: every request is answered once, and S8: nothing is remembered of who has left."""
    dice = random.Random(seed)
    limits = Limits(request_window=100, requests=200)
    net = RelayNet(limits, linger_ms=dice.choice([0, 4000]))
    actors: list[Actor] = []
    for _ in range(300):
        roll = dice.random()
        if len(actors) < 2 or (roll < 0.04 and len(actors) < 8):
            actors.append(Actor(net, dice))
        elif roll < 0.07:
            actors.pop(dice.randrange(len(actors))).client.leave(dice.choice([0, None]))
        elif roll < 0.2:
            net.advance(dice.choice([0.1, 1, 3, 12]))
        else:
            dice.choice(actors).act()
        for actor in actors:
            actor.hear()
        check(net, actors)
    net.advance(60)
    for actor in actors:
        actor.hear()
        unanswered = actor.asked - set(actor.answers) - actor.given_up
        assert not unanswered
    for actor in actors:
        actor.client.leave(dice.choice([0, None]))
    net.assert_nothing_left()
