"""Sessions: negotiation, SETUP, Request IDs, credit and time-outs."""

import gc
from typing import Any

import pytest
from tidegate.moqt import messages
from tidegate.moqt.codes import DoneCode, RequestCode, RequestKind, SessionCode
from tidegate.moqt.limits import Limits
from tidegate.moqt.session import Session
from tidegate.moqt.version import D14, Profile, setup_version

from tests.moqt.harness import PROFILES, Client, RelayNet, namespace, token, track

pytestmark = pytest.mark.parametrize("profile", PROFILES, ids=str)


def code(client: Client) -> SessionCode | None:
    return None if client.closed is None else client.closed[0]


@pytest.mark.parametrize("transport", ["quic", "webtransport"])
def test_setup_is_answered_and_the_engine_told_the_draft(profile: Profile, transport: Any) -> None:
    """S6: what a client says of itself is read, and answered with credit for its requests."""
    net = RelayNet()
    client = net.dial(profile, transport=transport)
    client.setup()
    reply = client.take(messages.ServerSetup)
    assert reply.version == (setup_version(profile) if profile is D14 else None)
    assert reply.options.max_request_id >= 100
    assert reply.options.max_auth_token_cache_size > 0
    assert client.engine_draft == profile.draft
    assert client.closed is None


def test_unknown_setup_options_are_ignored(profile: Profile) -> None:
    """S6: an option that nobody defined changes nothing."""
    net = RelayNet()
    client = net.dial(profile)
    versions = "01c0000000ff00000e" if profile is D14 else ""
    # One option of the unknown type 0x3FFE, with the value 7.
    body = bytes.fromhex(versions + "01" + "7ffe" + "07")
    client.say_bytes(b"\x20" + len(body).to_bytes(2, "big") + body)
    client.take(messages.ServerSetup)
    assert client.closed is None


def test_webtransport_echoes_the_protocol_that_it_chose(profile: Profile) -> None:
    net = RelayNet()
    assert net.dial(profile, protocols=["moqt-99", profile.alpn]).protocol == profile.alpn


def test_a_client_that_offers_nothing_known_is_expected_to_speak_draft_14(
    profile: Profile,
) -> None:
    net = RelayNet()
    client = net.dial(D14, protocols=["moq-lite-04"])
    assert client.protocol is None
    client.setup()
    client.take(messages.ServerSetup)
    assert client.closed is None


def test_an_alpn_that_is_not_ours_is_refused(profile: Profile) -> None:
    net = RelayNet()
    assert net.dial(profile, transport="quic", alpn="moqt-99").refused_with == 400


def test_an_origin_that_is_not_listed_is_refused(profile: Profile) -> None:
    net = RelayNet(Limits(allowed_origins=frozenset({"https://good.example"})))
    assert net.dial(profile, origin="https://bad.example").refused_with == 403
    assert net.dial(profile, origin="https://good.example").refused_with is None
    assert net.dial(profile, origin=None).refused_with is None


def test_versions_without_ours_close_the_session(profile: Profile) -> None:
    net = RelayNet()
    client = net.dial(D14)
    client.setup(versions=(0xFF00000D,))
    assert code(client) is SessionCode.VERSION_NEGOTIATION_FAILED


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ("2a 0001 00", "an unknown message type"),
        ("04 0000", "a message that ends inside a field"),
        ("0a 0003 00 00 00", "a length that does not match"),
        ("20 0000", "a second CLIENT_SETUP"),
        ("21 0000", "a SERVER_SETUP from a client"),
    ],
)
def test_broken_messages_close_the_session(profile: Profile, data: str, why: str) -> None:
    """S5: what the draft does not know ends the session, and only that session."""
    net = RelayNet()
    client, other = net.client(profile), net.client(profile)
    client.say_bytes(bytes.fromhex(data))
    assert code(client) is SessionCode.PROTOCOL_VIOLATION, why
    assert other.closed is None
    other.publish_namespace("still/here")
    other.take(messages.RequestOk)


def test_what_closed_one_session_reaches_no_other(profile: Profile) -> None:
    """S4: a message that ends its session is not passed on."""
    net = RelayNet()
    watcher = net.client(profile)
    watcher.subscribe_namespace("live")
    watcher.take(messages.RequestOk)
    client = net.client(profile)
    broken = messages.encode(profile, messages.PublishNamespace(0, namespace("live/cam")))
    # A byte too many, inside the message's length.
    length = int.from_bytes(broken[1:3], "big") + 1
    client.say_bytes(broken[:1] + length.to_bytes(2, "big") + broken[3:] + b"\0")
    assert code(client) is SessionCode.PROTOCOL_VIOLATION
    assert watcher.heard == []


@pytest.mark.usefixtures("expected_bug")
def test_a_bug_ends_the_session_it_met_and_no_other(
    profile: Profile, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    net = RelayNet()
    client, other = net.client(profile), net.client(profile)

    content = "se" + "cret"

    def fail(*_: object) -> None:
        raise KeyError(content)

    monkeypatch.setattr(type(net.server.relays["a" * 32]), "open", fail)
    client.publish_namespace("live")
    assert code(client) is SessionCode.INTERNAL_ERROR
    assert other.closed is None
    assert "KeyError" in caplog.text
    assert "secret" not in caplog.text


def test_request_ids_have_to_follow_one_another(profile: Profile) -> None:
    """S5: the next request has the next even Request ID."""
    net = RelayNet()
    for wrong in (2, 1, 8):
        client = net.client(profile)
        client.say(messages.PublishNamespace(wrong, namespace("live")))
        assert code(client) is SessionCode.INVALID_REQUEST_ID


def test_a_request_id_beyond_the_grant_closes_the_session(profile: Profile) -> None:
    """S8: MAX_REQUEST_ID bounds what a session may ask."""
    net = RelayNet(Limits(request_window=50))
    client = net.client(profile)
    client.say(messages.PublishNamespace(100, namespace("live")))
    assert code(client) is SessionCode.TOO_MANY_REQUESTS


def test_the_grant_slides_as_requests_finish(profile: Profile) -> None:
    """S8: a session that ends its requests can go on for ever."""
    net = RelayNet(Limits(request_window=50, requests=60))
    client = net.client(profile)
    granted = 100
    for _ in range(300):
        if granted <= client._next_request:
            granted = client.take(messages.MaxRequestId).maximum
        client.subscribe("nobody", "here")
        assert client.take(messages.RequestError).code is RequestCode.DOES_NOT_EXIST
    assert client.closed is None


def test_no_more_is_granted_while_too_much_is_open(profile: Profile) -> None:
    """S8: requests that stay open use the grant up, until one of them ends."""
    net = RelayNet(Limits(request_window=50, requests=60))
    client = net.client(profile)
    granted, opened = 100, {}
    while client._next_request < granted:
        text = f"live/{client._next_request}"
        opened[client.publish_namespace(text)] = text
        client.take(messages.RequestOk)
        while client.count(messages.MaxRequestId):
            granted = client.take(messages.MaxRequestId).maximum
    assert len(opened) == 60
    client.withdraw_namespace(*opened.popitem())
    assert client.take(messages.MaxRequestId).maximum == granted + 2


def test_silence_before_setup_ends_the_session(profile: Profile) -> None:
    """S9: SETUP has to come in time."""
    net = RelayNet()
    client = net.dial(profile)
    net.advance(9)
    assert client.closed is None
    net.advance(2)
    assert code(client) is SessionCode.CONTROL_MESSAGE_TIMEOUT


def test_a_message_has_to_be_finished_in_time(profile: Profile) -> None:
    """S9: a control message that drips in does not keep its session."""
    net = RelayNet()
    client = net.client(profile)
    message = messages.encode(profile, messages.PublishNamespace(0, namespace("live")))
    for byte in message[:-1]:
        client.say_bytes(bytes([byte]))
        net.advance(1)
    assert code(client) is SessionCode.CONTROL_MESSAGE_TIMEOUT


def test_a_finished_message_is_not_timed(profile: Profile) -> None:
    """S9: only what is unfinished is timed."""
    net = RelayNet()
    client = net.client(profile)
    message = messages.encode(profile, messages.PublishNamespace(0, namespace("live")))
    client.say_bytes(message[:4])
    net.advance(5)
    client.say_bytes(message[4:])
    net.advance(60)
    assert client.closed is None


def test_a_stream_that_always_ends_inside_a_message_is_timed_by_the_message(
    profile: Profile,
) -> None:
    """S9: each message has its own time."""
    net = RelayNet()
    client = net.client(profile)
    tail = b""
    for number in range(8):
        text = f"live/{number}"
        message = messages.PublishNamespace(client.next_request(), namespace(text))
        data = tail + messages.encode(profile, message)
        client.say_bytes(data[:-2])
        tail = data[-2:]
        net.advance(4)
    assert client.closed is None
    assert client.count(messages.RequestOk) == 7


def test_the_control_stream_may_not_end(profile: Profile) -> None:
    net = RelayNet()
    finished, broken = net.client(profile), net.client(profile)
    finished.say_bytes(b"", fin=True)
    broken.reset(broken.control)
    assert code(finished) is code(broken) is SessionCode.PROTOCOL_VIOLATION


def test_a_request_stream_may_overtake_setup(profile: Profile) -> None:
    """S8: what overtakes SETUP is kept, up to a limit."""
    net = RelayNet()
    client = net.dial(profile)
    early = messages.encode(profile, messages.SubscribeNamespace(0, namespace("live")))
    client.say_bytes(early, stream=8)
    if profile is D14:
        assert code(client) is SessionCode.PROTOCOL_VIOLATION
        return
    client.setup()
    client.take(messages.ServerSetup)
    client.take(messages.RequestOk)
    flood = net.dial(profile)
    for stream in range(8, 8 + 4 * 17, 4):
        flood.say_bytes(early, stream=stream)
    assert code(flood) is SessionCode.PROTOCOL_VIOLATION


def test_a_clients_goaway_stops_what_is_asked_of_it(profile: Profile) -> None:
    net = RelayNet()
    publisher, subscriber = net.client(profile), net.client(profile)
    publisher.publish_namespace("live")
    publisher.say(messages.Goaway(""))
    subscriber.subscribe("live", "video")
    assert publisher.count(messages.Subscribe) == 0
    assert subscriber.take(messages.RequestError).code is RequestCode.DOES_NOT_EXIST
    publisher.say(messages.Goaway(""))
    assert code(publisher) is SessionCode.PROTOCOL_VIOLATION


def test_a_clients_goaway_names_no_uri(profile: Profile) -> None:
    net = RelayNet()
    client = net.client(profile)
    client.say(messages.Goaway("https://elsewhere.example"))
    assert code(client) is SessionCode.PROTOCOL_VIOLATION


def test_max_request_id_only_grows(profile: Profile) -> None:
    net = RelayNet()
    client = net.client(profile, max_request_id=200)
    client.say(messages.MaxRequestId(200))
    assert code(client) is SessionCode.PROTOCOL_VIOLATION


def test_requests_wait_for_the_peers_credit(profile: Profile) -> None:
    """S8: without credit we say REQUESTS_BLOCKED once, and ask when it comes."""
    net = RelayNet()
    publisher, subscriber = net.client(profile, max_request_id=0), net.client(profile)
    publisher.publish_namespace("live")
    publisher.take(messages.RequestOk)
    for name in ("video", "audio"):
        subscriber.subscribe("live", name)
    assert publisher.heard == [messages.RequestsBlocked(0)]
    publisher.heard.clear()
    publisher.serve()
    publisher.say(messages.MaxRequestId(3))
    assert subscriber.count(messages.SubscribeOk) == 1
    assert publisher.heard == []
    publisher.say(messages.MaxRequestId(5))
    assert subscriber.count(messages.SubscribeOk) == 2


def test_a_publisher_that_leaves_before_it_granted_credit(profile: Profile) -> None:
    """B1: who waited for it is answered."""
    net = RelayNet()
    publisher, subscriber = net.client(profile, max_request_id=0), net.client(profile)
    publisher.publish_namespace("live")
    subscriber.subscribe("live", "video")
    publisher.leave()
    assert subscriber.take(messages.RequestError).code is RequestCode.DOES_NOT_EXIST


def test_a_request_that_never_gets_credit_times_out(profile: Profile) -> None:
    """S9: a publisher that grants nothing is one that does not answer."""
    net = RelayNet()
    publisher, subscriber = net.client(profile, max_request_id=0), net.client(profile)
    publisher.publish_namespace("live")
    subscriber.subscribe("live", "video")
    net.advance(11)
    assert subscriber.take(messages.RequestError).code is RequestCode.TIMEOUT
    publisher.serve()
    publisher.say(messages.MaxRequestId(5))
    assert publisher.count(messages.Subscribe) == 0


@pytest.mark.parametrize(
    "reply",
    [
        messages.SubscribeOk(1, 7),
        messages.PublishOk(1),
        messages.RequestError(1, RequestKind.SUBSCRIBE, RequestCode.TIMEOUT),
        messages.Unsubscribe(2),
        messages.FetchCancel(0),
        messages.PublishDone(1, DoneCode.TRACK_ENDED, 0),
    ],
)
def test_naming_a_request_that_never_was_closes_the_session(
    profile: Profile, reply: messages.Message
) -> None:
    """S5: replies and ends name requests that exist, or did."""
    net = RelayNet()
    client = net.client(profile)
    client.say(reply)
    assert code(client) is SessionCode.PROTOCOL_VIOLATION


def test_a_reply_of_the_wrong_kind_closes_the_session(profile: Profile) -> None:
    """S5: SUBSCRIBE is granted by SUBSCRIBE_OK alone, and once."""
    net = RelayNet()
    for replies in (
        [messages.PublishOk(1)],
        [messages.SubscribeOk(1, 1), messages.SubscribeOk(1, 2)],
        [messages.PublishDone(1, DoneCode.TRACK_ENDED, 0)],
    ):
        publisher, subscriber = net.client(profile), net.client(profile)
        publisher.publish_namespace("live")
        subscriber.subscribe("live", "video")
        for reply in replies:
            publisher.say(reply)
        assert code(publisher) is SessionCode.PROTOCOL_VIOLATION
        subscriber.leave()


def test_what_crosses_the_end_of_a_request_is_ignored(profile: Profile) -> None:
    net = RelayNet()
    publisher, subscriber = net.client(profile), net.client(profile)
    publisher.publish_namespace("live")
    request_id = subscriber.subscribe("live", "video")
    asked = publisher.take(messages.Subscribe)
    subscriber.say(messages.Unsubscribe(request_id))
    net.advance(5)
    publisher.take(messages.Unsubscribe)
    publisher.say(messages.SubscribeOk(asked.request_id, 1))
    subscriber.say(messages.Unsubscribe(request_id))
    assert publisher.closed is subscriber.closed is None


def test_closed_sessions_leave_nothing_behind(profile: Profile) -> None:
    """S8: whatever a session had open, its end frees it all."""
    net = RelayNet(linger_ms=30_000)
    for _ in range(3):
        publisher, subscriber = net.client(profile), net.client(profile)
        served = publisher.serve()
        publisher.publish_namespace("live")
        publisher.publish("other", "data", alias=50)
        subscriber.subscribe_namespace("other")
        subscriber.subscribe("live", "video")
        subscriber.subscribe("nobody", "here")
        subscriber.say(messages.TrackStatus(subscriber.next_request(), track("live", "audio")))
        assert served
        publisher.leave(None)
        subscriber.leave()
    net.assert_nothing_left()


def test_closed_sessions_are_freed_at_once(profile: Profile) -> None:
    """S8: no table keeps a session that has gone, and the garbage collector is not needed."""
    net = RelayNet(linger_ms=30_000)
    publisher = net.client(profile)
    publisher.publish_namespace("live")
    publisher.serve()
    publisher.publish("offered", "track", alias=50)
    gc.collect()
    gc.disable()
    try:
        for number in range(10):
            client = net.client(profile)
            client.take_publishes()
            client.subscribe_namespace("offered")
            client.subscribe("live", "video")
            client.subscribe("nobody", "here")
            client.publish("own", "track")
            client.publish_namespace("own")
            client.publish_namespace("live")
            client.say(messages.TrackStatus(client.next_request(), track("live", "audio")))
            client.leave(number % 2 or None)
            net.engine.clients.pop(client.session)
        net.advance(60)
        kept = [each for each in gc.get_objects() if type(each) is Session]
        assert [each.handle for each in kept if each.plane is net.plane] == [publisher.session]
    finally:
        gc.enable()


def test_two_messages_and_a_half_in_one_go(profile: Profile) -> None:
    net = RelayNet()
    client = net.client(profile)
    data = b"".join(
        messages.encode(profile, messages.PublishNamespace(number, namespace(f"live/{number}")))
        for number in (0, 2, 4)
    )
    client.say_bytes(data[:-3])
    assert client.count(messages.RequestOk) == 2
    client.say_bytes(data[-3:])
    assert client.count(messages.RequestOk) == 3


def test_path_over_webtransport_closes_the_session(profile: Profile) -> None:
    net = RelayNet()
    client = net.dial(profile)
    client.setup(path=f"/{token()}")
    assert code(client) is SessionCode.INVALID_PATH
