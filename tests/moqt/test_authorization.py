"""Tokens of a session and of its requests: what they open, and what refuses them."""

from typing import Any, Literal

import pytest
from tidegate.config import Limits as ConfiguredLimits
from tidegate.config import MoqConfig
from tidegate.moqt import messages
from tidegate.moqt.authorization import credentials
from tidegate.moqt.codes import RequestCode, SessionCode
from tidegate.moqt.failures import SessionFailure
from tidegate.moqt.limits import Limits
from tidegate.moqt.names import Location
from tidegate.moqt.token import Token
from tidegate.moqt.version import D14, D16, Profile

from tests.moqt.harness import (
    OTHER_RELAY,
    PAIRS,
    PROFILES,
    RELAY,
    Client,
    RelayNet,
    token,
    track,
)

profiles = pytest.mark.parametrize("profile", PROFILES, ids=str)
transports = pytest.mark.parametrize("transport", ["quic", "webtransport"])
GONE = "c" * 32


def jwt(text: str) -> Token:
    return Token.use_value(text.encode())


def opened(client: Client) -> bool:
    """Whether the session stands and may publish."""
    if client.closed is not None:
        return False
    client.publish_namespace("live")
    return client.count(messages.RequestOk) == 1


@profiles
@transports
@pytest.mark.parametrize(
    "path", ["/{}", "/{}/", "/{}/anything/else", "/{}?x=1", "/?jwt={}", "/?a=b&jwt={}"]
)
def test_a_token_opens_its_relay_from_path_or_query(
    profile: Profile, transport: Literal["quic", "webtransport"], path: str
) -> None:
    """S3: the first path segment, else ?jwt=, on either transport."""
    net = RelayNet()
    client = net.dial(profile, transport=transport, path=path.format(token()))
    client.setup()
    client.take(messages.ServerSetup)
    assert opened(client)
    assert net.server.connected(RELAY)
    assert not net.server.connected(OTHER_RELAY)


@profiles
def test_a_token_in_setup_opens_its_relay(profile: Profile) -> None:
    """S3: SETUP's AUTHORIZATION TOKEN counts where the URL has none."""
    net = RelayNet()
    client = net.dial(profile, path="/")
    client.setup(jwt(token()))
    client.take(messages.ServerSetup)
    assert opened(client)


@profiles
@transports
@pytest.mark.parametrize(
    ("path", "spec"),
    [
        ("/", SessionCode.UNAUTHORIZED),
        ("/garbage", SessionCode.UNAUTHORIZED),
        ("/expired", SessionCode.EXPIRED_AUTH_TOKEN),
        (f"/{GONE}.ps.t1", SessionCode.UNAUTHORIZED),
        ("/?jwt=garbage", SessionCode.UNAUTHORIZED),
        ("/a/../b", SessionCode.MALFORMED_PATH),
        ("/a//b", SessionCode.MALFORMED_PATH),
        ("/a%2fb", SessionCode.MALFORMED_PATH),
        ("/" + "a" * 1024, SessionCode.MALFORMED_PATH),
    ],
)
def test_a_bad_token_closes_after_setup(
    profile: Profile,
    transport: Literal["quic", "webtransport"],
    path: str,
    spec: SessionCode,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """S3: the carrier is accepted and SETUP finished, so that the client can read the code."""
    caplog.set_level("DEBUG")
    net = RelayNet()
    client = net.dial(profile, transport=transport, path=path)
    client.setup()
    client.take(messages.ServerSetup)
    assert client.closed is not None
    assert client.closed[0] is spec
    for secret in ("garbage", GONE):
        assert secret not in client.closed[1]
        assert secret not in caplog.text
    net.assert_nothing_left()


@profiles
def test_the_hosted_services_codes(profile: Profile) -> None:
    net = RelayNet(Limits(compat="cloudflare"))
    for path in ("/", "/garbage", "/expired", f"/?jwt={token()}"):
        client = net.dial(profile, path=path)
        client.setup(jwt(token()))
        client.take(messages.ServerSetup)
        assert client.closed == (SessionCode.PROTOCOL_VIOLATION, "scope resolution failed")
    malformed = net.dial(profile, path="/a%20b")
    malformed.setup()
    assert malformed.closed is not None
    assert malformed.count(messages.ServerSetup) == 0
    reader = net.client(profile, "s")
    reader.publish_namespace("live")
    assert reader.take(messages.RequestError).code is RequestCode.UNINTERESTED
    assert reader.closed is None


@profiles
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("garbage", SessionCode.MALFORMED_AUTH_TOKEN),
        ("expired", SessionCode.EXPIRED_AUTH_TOKEN),
        (f"{GONE}.ps.t1", SessionCode.UNAUTHORIZED),
    ],
)
def test_a_bad_setup_token_closes_the_session(
    profile: Profile, text: str, expected: SessionCode
) -> None:
    net = RelayNet()
    for path in ("/", f"/{token()}"):
        client = net.dial(profile, path=path)
        client.setup(jwt(text))
        client.take(messages.ServerSetup)
        assert client.closed is not None
        assert client.closed[0] is expected


@profiles
def test_the_path_fixes_the_scope(profile: Profile) -> None:
    """S3: a SETUP token of the same relay adds operations; another relay's closes."""
    net = RelayNet()
    both = net.dial(profile, path=f"/{token('s')}")
    both.setup(jwt(token("p", jti="t2")))
    assert opened(both)
    foreign = net.dial(profile, path=f"/{token('s')}")
    foreign.setup(jwt(token("p", OTHER_RELAY)))
    assert foreign.closed is not None
    assert foreign.closed[0] is SessionCode.UNAUTHORIZED
    # The path wins over the query.
    client = net.dial(profile, path=f"/{token('p')}?jwt={token('s', OTHER_RELAY)}")
    client.setup()
    assert opened(client)


@profiles
def test_operations_are_enforced_request_by_request(profile: Profile) -> None:
    """S3: every request needs its operation; a refused one leaves the session alone."""
    net = RelayNet()
    reader, writer = net.client(profile, "s"), net.client(profile, "p")
    reader.publish_namespace("live")
    reader.publish("live", "video")
    for _ in range(2):
        assert reader.take(messages.RequestError).code is RequestCode.UNAUTHORIZED
    writer.subscribe("live", "video")
    writer.subscribe_namespace("live")
    writer.say(messages.TrackStatus(writer.next_request(), track("live", "video")))
    whole = messages.StandaloneFetch(track("live", "video"), Location(0, 0), Location(1, 0))
    writer.fetch(whole)
    for _ in range(4):
        assert writer.take(messages.RequestError).code is RequestCode.UNAUTHORIZED
    assert reader.closed is writer.closed is None
    assert opened(writer)


@profiles
def test_a_request_token_can_add_an_operation(profile: Profile) -> None:
    """S3: for its request alone."""
    net = RelayNet()
    reader = net.client(profile, "s")
    reader.publish_namespace("live", tokens=(jwt(token("p")),))
    reader.take(messages.RequestOk)
    reader.publish_namespace("more")
    assert reader.take(messages.RequestError).code is RequestCode.UNAUTHORIZED


@profiles
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (token("ps", OTHER_RELAY), RequestCode.UNAUTHORIZED),
        (f"{GONE}.ps.t1", RequestCode.UNAUTHORIZED),
        ("garbage", RequestCode.MALFORMED_AUTH_TOKEN),
        ("expired", RequestCode.EXPIRED_AUTH_TOKEN),
    ],
)
def test_a_bad_request_token_is_refused_for_that_request(
    profile: Profile, text: str, expected: RequestCode
) -> None:
    """S3: even where the session's own token would do."""
    net = RelayNet()
    client = net.client(profile)
    client.publish_namespace("live", tokens=(jwt(text),))
    assert client.take(messages.RequestError).code is expected
    assert opened(client)


@pytest.mark.parametrize(("publishing", "subscribing"), PAIRS, ids=str)
def test_aggregated_subscribers_are_authorised_one_by_one(
    publishing: Profile, subscribing: Profile
) -> None:
    """S3: that a track flows to one subscriber opens it to no other."""
    net = RelayNet()
    publisher = net.client(publishing)
    publisher.publish_namespace("live")
    publisher.serve()
    allowed, refused = net.client(subscribing, "s"), net.client(subscribing, "p")
    allowed.subscribe("live", "video")
    refused.subscribe("live", "video")
    allowed.take(messages.SubscribeOk)
    assert refused.take(messages.RequestError).code is RequestCode.UNAUTHORIZED


@profiles
def test_aliases_stand_for_tokens(profile: Profile) -> None:
    """S8: REGISTER, USE_ALIAS and DELETE, within the cache that we advertise."""
    net = RelayNet()
    reader = net.client(profile, "s")
    value = token("p").encode()
    uses: list[tuple[Token, type]] = [
        (Token.use_alias(1), messages.RequestError),
        (Token.register(1, value), messages.RequestOk),
        (Token.use_alias(1), messages.RequestOk),
        (Token.delete(1), messages.RequestError),
        (Token.use_alias(1), messages.RequestError),
        (Token.register(1, value), messages.RequestOk),
    ]
    for number, (presented, answer) in enumerate(uses):
        reader.publish_namespace(f"live/{number}", tokens=(presented,))
        assert [type(message) for message in reader.heard] == [answer]
        reader.heard.clear()
    reader.publish_namespace("again", tokens=(Token.register(1, value),))
    assert reader.closed is not None
    assert reader.closed[0] is SessionCode.DUPLICATE_AUTH_TOKEN_ALIAS


@profiles
def test_a_register_counts_even_when_its_request_fails(profile: Profile) -> None:
    net = RelayNet()
    reader = net.client(profile, "s")
    reader.publish_namespace("live", tokens=(Token.register(1, b"expired"),))
    assert reader.take(messages.RequestError).code is RequestCode.EXPIRED_AUTH_TOKEN
    reader.publish_namespace("live", tokens=(Token.use_alias(1),))
    assert reader.take(messages.RequestError).code is RequestCode.EXPIRED_AUTH_TOKEN


@profiles
def test_the_token_cache_overflows(profile: Profile) -> None:
    """S8: an entry costs 16 and its value; one too many closes the session."""
    value = token("p").encode()
    net = RelayNet(Limits(token_cache_bytes=2 * (16 + len(value))))
    reader = net.client(profile, "s")
    for alias in range(2):
        reader.publish_namespace(f"live/{alias}", tokens=(Token.register(alias, value),))
        reader.take(messages.RequestOk)
    reader.publish_namespace("live/3", tokens=(Token.register(3, value),))
    assert reader.closed is not None
    assert reader.closed[0] is SessionCode.AUTH_TOKEN_CACHE_OVERFLOW


@profiles
def test_deleting_an_alias_makes_room(profile: Profile) -> None:
    """S8: what was deleted does not count."""
    value = token("p").encode()
    net = RelayNet(Limits(token_cache_bytes=16 + len(value)))
    reader = net.client(profile, "s")
    for number in range(3):
        register = Token.register(number, value)
        reader.publish_namespace(f"live/{number}", tokens=(register,))
        reader.take(messages.RequestOk)
        reader.subscribe_namespace(f"seen/{number}", tokens=(Token.delete(number),))
        reader.take(messages.RequestOk)
    assert reader.closed is None


@profiles
def test_a_weaker_request_token_takes_nothing_away(profile: Profile) -> None:
    """S3: tokens add up."""
    net = RelayNet()
    client = net.client(profile)
    client.publish_namespace("live", tokens=(jwt(token("p")), jwt(token("s"))))
    client.take(messages.RequestOk)


@profiles
def test_a_register_in_setup_that_does_not_fit_counts_as_a_value(profile: Profile) -> None:
    net = RelayNet(Limits(token_cache_bytes=10))
    client = net.dial(profile, path="/")
    client.setup(Token.register(1, token().encode()))
    client.take(messages.ServerSetup)
    assert opened(client)
    client.heard.clear()
    client.publish_namespace("more", tokens=(Token.use_alias(1),))
    assert client.take(messages.RequestError).code is RequestCode.UNAUTHORIZED


def test_an_unknown_alias_in_setup_closes_the_session() -> None:
    net = RelayNet()
    expected = {
        D14: SessionCode.UNKNOWN_AUTH_TOKEN_ALIAS,
        D16: SessionCode.PROTOCOL_VIOLATION,
    }
    for profile, code in expected.items():
        client = net.dial(profile, path="/")
        client.setup(Token.use_alias(1))
        assert client.closed is not None
        assert client.closed[0] is code


@profiles
def test_relays_never_see_one_another(profile: Profile) -> None:
    """S3: the same namespace in two relays is unrelated, in every direction."""
    net = RelayNet()
    here, there = net.client(profile), net.client(profile, relay=OTHER_RELAY)
    watcher = net.client(profile, relay=OTHER_RELAY)
    watcher.subscribe_namespace("live")
    watcher.take(messages.RequestOk)
    here.publish_namespace("live")
    here.publish("live", "video")
    there.subscribe("live", "video")
    assert there.take(messages.RequestError).code is RequestCode.DOES_NOT_EXIST
    assert watcher.heard == []
    assert here.count(messages.Subscribe) == 0


@profiles
def test_two_tokens_of_one_relay_meet(profile: Profile) -> None:
    """S3: the scope is the relay that a token names, never the token."""
    net = RelayNet()
    clients = []
    for jti in ("t1", "t2"):
        client = net.dial(profile, path=f"/{token(jti=jti)}")
        client.setup()
        clients.append(client)
    publisher, subscriber = clients
    publisher.publish_namespace("live")
    publisher.serve()
    subscriber.subscribe("live", "video")
    subscriber.take(messages.SubscribeOk)


@profiles
def test_deleting_a_relay_closes_its_sessions(profile: Profile) -> None:
    net = RelayNet()
    client, other = net.client(profile), net.client(profile, relay=OTHER_RELAY)
    publisher = net.client(profile)
    publisher.publish_namespace("live")
    publisher.serve()
    client.subscribe("live", "video")
    del net.authorizer.relays[RELAY]
    net.server.relay_changed(RELAY, net.now)
    net.run()
    for closed in (client, publisher):
        assert closed.closed == (SessionCode.UNAUTHORIZED, "the relay was deleted")
    assert not net.server.connected(RELAY)
    assert other.closed is None
    late = net.dial(profile)
    late.setup()
    assert late.closed is not None
    assert late.closed[0] is SessionCode.UNAUTHORIZED
    other.leave()
    net.assert_nothing_left()


@profiles
def test_revoking_cuts_live_sessions_only_by_policy(profile: Profile) -> None:
    for policy in (False, True):
        net = RelayNet(Limits(close_on_revoke=policy))
        client = net.client(profile)
        net.server.revoke(RELAY, frozenset({"t1"}), net.now)
        assert (client.closed is not None) is policy


@profiles
def test_expiry_cuts_live_sessions_only_by_policy(profile: Profile) -> None:
    for policy in (False, True):
        net = RelayNet(Limits(close_on_expiry=policy))
        net.authorizer.expires = int(net.now + 1_000_000 + 60)
        client = net.client(profile)
        net.advance(59)
        assert client.closed is None
        net.advance(2)
        if policy:
            assert client.closed is not None
            assert client.closed[0] is SessionCode.EXPIRED_AUTH_TOKEN
        else:
            assert client.closed is None


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("", None, None),
        ("/", None, None),
        ("/a", "a", None),
        ("/a/", "a", None),
        ("/a/b/c", "a", None),
        ("/a?jwt=b", "a", "b"),
        ("/?jwt=", None, None),
        ("?x=1&jwt=b&jwt=c", None, "b"),
    ],
)
def test_where_a_target_keeps_its_tokens(target: str, path: str | None, query: str | None) -> None:
    assert credentials(target, Limits()) == (path, query)


@pytest.mark.parametrize("target", ["a/b", "/a//b", "/./a", "/a/..", "/%41", "/" + "a" * 1024])
def test_a_target_that_is_no_path(target: str) -> None:
    with pytest.raises(SessionFailure) as caught:
        credentials(target, Limits())
    assert caught.value.code is SessionCode.MALFORMED_PATH


def test_the_fields_that_settings_share_come_from_the_operator() -> None:
    chosen: Any = Limits.configured(
        MoqConfig(compat="cloudflare", publisher_grace_seconds=1.0), ConfiguredLimits(requests=7)
    )
    assert (chosen.compat, chosen.publisher_grace_seconds, chosen.requests) == (
        "cloudflare",
        1.0,
        7,
    )
    assert Limits.configured(MoqConfig(), ConfiguredLimits()) == Limits()
