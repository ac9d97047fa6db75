"""Relay tokens as sessions meet them: what opens a relay, what it allows, and what ends it."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cloudflare
import httpx
import pytest
from tidegate.moqt import messages
from tidegate.moqt.codes import RequestCode, SessionCode
from tidegate.moqt.version import Profile

from tests.scenarios.peer import PROFILES, PeerClosed, Peers, eventually, subgroup
from tests.server import Relay, Server, Transport, running_server

DRAFTS = pytest.mark.parametrize("profile", PROFILES, ids=str)
TRANSPORTS = pytest.mark.parametrize("transport", ["quic", "webtransport"])
EFFECT_SECONDS = 5
"""How soon a change shows on new connections."""


def new_token(relay: Relay, *operations: str, seconds: float | None = None) -> tuple[str, str]:
    """A token of its own for a relay: what the API calls it, and itself."""
    with relay.server.cloudflare() as client:
        made = client.moq.relays.tokens.create(
            relay.uid,
            account_id=relay.server.account_id,
            operations=list(operations),  # type: ignore[arg-type]
            expires=cloudflare.omit
            if seconds is None
            else datetime.now(UTC) + timedelta(seconds=seconds),
        )
    assert made is not None
    [token] = made.issuers[0].cloudflare_tokens
    assert token.secret
    return token.jti, token.secret


def revoke(relay: Relay, jti: str) -> None:
    with relay.server.cloudflare() as client:
        client.moq.relays.tokens.delete(jti, account_id=relay.server.account_id, relay_id=relay.uid)


def rotate(relay: Relay) -> str:
    """Replaces the token that may do everything; the newest SDK has no call for it."""
    path = f"accounts/{relay.server.account_id}/moq/relays/{relay.uid}/tokens/rotate"
    reply = httpx.post(
        f"{relay.server.api}/{path}",
        headers={"Authorization": f"Bearer {relay.server.api_token}"},
        json={"type": "publish_subscribe"},
    )
    token: str = reply.json()["result"]["token"]
    return token


def delete(relay: Relay) -> None:
    with relay.server.cloudflare() as client:
        client.moq.relays.delete(relay.uid, account_id=relay.server.account_id)


async def until_refused(peers: Peers, url: str) -> tuple[int | None, str]:
    """Connects again and again, until the change that was made shows."""
    async with asyncio.timeout(EFFECT_SECONDS):
        while True:
            peer = await peers.enter(url)
            try:
                peer.publish_namespace("probe")
                await peer.hears(messages.RequestOk)
                peer.leave()
            except PeerClosed:
                return await peer.closes()
            await asyncio.sleep(0.1)


def bad_tokens(server: Server) -> dict[str, str]:
    """Paths that open nothing, by what is wrong with them."""
    relay = server.create_relay()
    _, expired = new_token(relay, "publish", seconds=2)
    jti, revoked = new_token(relay, "publish")
    revoke(relay, jti)
    deleted = server.create_relay()
    delete(deleted)
    head, _, signature = relay.publish_token.rpartition(".")
    time.sleep(2.1)  # until the first one has expired
    return {
        "none": "",
        "garbage": "garbage",
        "forged": f"{head}.{signature[::-1]}",
        "revoked": revoked,
        "of a deleted relay": deleted.publish_token,
        "expired": expired,
        "a relative path": "../x",
        "an escape": "%41",
    }


@pytest.fixture(scope="module")
def spec(server: Server) -> tuple[Server, dict[str, str]]:
    """A server that answers as the drafts say."""
    return server, bad_tokens(server)


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, dict[str, str]]]:
    """A server that answers as the hosted service does."""
    directory = tmp_path_factory.mktemp("hosted")
    with running_server(directory, {"TIDEGATE_MOQ_COMPAT": "cloudflare"}) as server:
        yield server, bad_tokens(server)


SPEC = {
    "none": SessionCode.UNAUTHORIZED,
    "garbage": SessionCode.UNAUTHORIZED,
    "forged": SessionCode.UNAUTHORIZED,
    "revoked": SessionCode.UNAUTHORIZED,
    "of a deleted relay": SessionCode.UNAUTHORIZED,
    "expired": SessionCode.EXPIRED_AUTH_TOKEN,
    "a relative path": SessionCode.MALFORMED_PATH,
    "an escape": SessionCode.MALFORMED_PATH,
}
FAULTS = pytest.mark.parametrize(
    ("transport", "fault"),
    [
        (transport, fault)
        for transport in ("quic", "webtransport")
        for fault in SPEC
        # Clients of WebTransport resolve a relative path before they connect.
        if (transport, fault) != ("webtransport", "a relative path")
    ],
)


@DRAFTS
@FAULTS
async def test_what_opens_nothing_is_told_so_after_setup(
    spec: tuple[Server, dict[str, str]],
    peers: Peers,
    profile: Profile,
    transport: Transport,
    fault: str,
) -> None:
    server, tokens = spec
    base = server.moq if transport == "quic" else server.webtransport
    peer = await peers.enter(f"{base}/{tokens[fault]}", profile)
    code, reason = await peer.closes()
    assert code == SPEC[fault]
    assert reason
    assert not tokens[fault] or tokens[fault] not in reason


@DRAFTS
@FAULTS
async def test_the_hosted_services_codes_are_there_for_comparison(
    hosted: tuple[Server, dict[str, str]],
    peers: Peers,
    profile: Profile,
    transport: Transport,
    fault: str,
) -> None:
    server, tokens = hosted
    base = server.moq if transport == "quic" else server.webtransport
    peer = await peers.connect(f"{base}/{tokens[fault]}", profile)
    peer.setup()
    code, reason = await peer.closes()
    heard_setup = any(isinstance(message, messages.ServerSetup) for message in peer.heard)
    if SPEC[fault] is SessionCode.MALFORMED_PATH:
        assert not heard_setup
    else:
        assert heard_setup
        assert (code, reason) == (SessionCode.PROTOCOL_VIOLATION, "scope resolution failed")


@DRAFTS
async def test_a_token_of_another_deployment_opens_nothing(
    hosted: tuple[Server, dict[str, str]], relay: Relay, peers: Peers, profile: Profile
) -> None:
    stranger = hosted[0].create_relay().publish_token
    peer = await peers.enter(relay.moqt_url(stranger), profile)
    assert (await peer.closes())[0] == SessionCode.UNAUTHORIZED


@DRAFTS
@TRANSPORTS
async def test_a_token_allows_what_it_says_and_no_more(
    relay: Relay, peers: Peers, profile: Profile, transport: Transport
) -> None:
    _, publish_only = new_token(relay, "publish")
    publisher = await peers.enter(relay.url(transport, publish_only), profile)
    publisher.subscribe("live/cam")
    assert (await publisher.hears(messages.RequestError)).code is RequestCode.UNAUTHORIZED
    await publisher.publish("live/cam")

    viewer = await peers.enter(relay.url(transport, relay.subscribe_token), profile)
    for forbidden in (viewer.publish_namespace, viewer.offer):
        forbidden("live/mine")
        assert (await viewer.hears(messages.RequestError)).code is RequestCode.UNAUTHORIZED
    alias = await viewer.watch("live/cam")
    publisher.open_data(subgroup(1, 0, b"picture"), fin=True)
    await viewer.receives(alias, 0)


async def test_the_hosted_service_calls_a_forbidden_publish_uninterested(
    hosted: tuple[Server, dict[str, str]], peers: Peers
) -> None:
    relay = hosted[0].create_relay()
    viewer = await peers.enter(relay.moqt_url(relay.subscribe_token))
    viewer.publish_namespace("live/mine")
    assert (await viewer.hears(messages.RequestError)).code is RequestCode.UNINTERESTED
    viewer.publish_namespace("live/still-here")
    await viewer.hears(messages.RequestError)


@DRAFTS
async def test_two_tokens_of_one_relay_see_each_other(
    relay: Relay, peers: Peers, profile: Profile
) -> None:
    (_, first), (_, second) = new_token(relay, "publish"), new_token(relay, "subscribe")
    publisher = await peers.enter(relay.moqt_url(first), profile)
    await publisher.publish("live/cam")
    viewer = await peers.enter(relay.webtransport_url(second), profile)
    alias = await viewer.watch("live/cam")
    publisher.open_data(subgroup(1, 0, b"picture"), fin=True)
    await viewer.receives(alias, 0)


@DRAFTS
async def test_a_revoked_token_lets_nobody_in_and_nobody_out(
    relay: Relay, peers: Peers, profile: Profile
) -> None:
    """Deleted or rotated: new connections are refused, the session that stands goes on."""
    jti, token = new_token(relay, "publish", "subscribe")
    publisher = await peers.enter(relay.moqt_url(token), profile)
    await publisher.publish("live/cam")
    viewer = await peers.enter(relay.moqt_url(relay.publish_token), profile)
    alias = await viewer.watch("live/cam")
    revoke(relay, jti)
    rotated = rotate(relay)
    for dead in (token, relay.publish_token):
        code, _ = await until_refused(peers, relay.moqt_url(dead))
        assert code == SessionCode.UNAUTHORIZED
    await peers.enter(relay.moqt_url(rotated), profile)
    publisher.open_data(subgroup(1, 0, b"picture"), fin=True)
    await viewer.receives(alias, 0)


@DRAFTS
@TRANSPORTS
async def test_deleting_a_relay_closes_its_sessions_and_no_others(
    server: Server, relay: Relay, peers: Peers, profile: Profile, transport: Transport
) -> None:
    doomed = server.create_relay()
    inside = [await peers.enter(doomed.url(transport), profile) for _ in range(2)]
    await inside[0].publish("live/cam")
    await inside[1].watch("live/cam")
    outside = await peers.enter(relay.url(transport), profile)
    delete(doomed)
    for peer in inside:
        code, reason = await peer.closes(timeout=EFFECT_SECONDS)
        assert (code, reason) == (SessionCode.UNAUTHORIZED, "the relay was deleted")
    await outside.publish("live/cam")


async def test_a_relays_status_tells_whether_anybody_is_there(relay: Relay, peers: Peers) -> None:
    def status() -> str | None:
        with relay.server.cloudflare() as client:
            got = client.moq.relays.get(relay.uid, account_id=relay.server.account_id)
            assert got is not None
            assert ("status" in got.to_dict()) == (got.status is not None)
            return got.status

    assert status() is None
    stranger = await peers.enter(relay.moqt_url("garbage"))
    await stranger.closes()
    assert status() is None
    peer = await peers.enter(relay.moqt_url())
    await peer.publish("live/cam")
    assert status() == "connected"
    peer.leave()
    await peer.closes()
    await eventually(lambda: status() is None, EFFECT_SECONDS)


def token_command(directory: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "tidegate", "token", *arguments]
    environment = {"TIDEGATE_DATA_DIR": str(directory / "data"), "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        command, env=environment, check=True, capture_output=True, text=True, timeout=30
    ).stdout


async def test_the_operator_replaces_keys_and_tokens_beside_a_running_server(
    tmp_path: Path, peers: Peers
) -> None:
    with running_server(tmp_path) as server:
        relay = server.create_relay()
        inside = await peers.enter(relay.moqt_url())
        await inside.publish("live/cam")
        viewer = await peers.enter(relay.moqt_url(relay.subscribe_token))
        alias = await viewer.watch("live/cam")

        token_command(tmp_path, "rotate-key")
        _, newer = new_token(relay, "publish", "subscribe")
        for token in (relay.publish_token, newer):
            peer = await peers.enter(relay.moqt_url(token))
            await peer.publish("live/other")
            peer.leave()

        token_command(tmp_path, "rotate-key", "--retire-others")
        code, _ = await until_refused(peers, relay.moqt_url())
        assert code == SessionCode.UNAUTHORIZED
        inside.open_data(subgroup(1, 0, b"picture"), fin=True)
        await viewer.receives(alias, 0)

        [row] = [line.split("\t") for line in token_command(tmp_path, "list").splitlines()]
        token_command(tmp_path, "revoke", row[0])
        with server.cloudflare() as client, pytest.raises(cloudflare.AuthenticationError):
            client.moq.relays.list(account_id=server.account_id)
