"""Every way to publish and subscribe that Cloudflare's other clients use, in Chromium."""

import asyncio
from typing import Any

import pytest
from playwright.async_api import Browser

from tests.interop.calls import Peer, opened, peer
from tests.server import App, Server

pytestmark = [pytest.mark.foreign, pytest.mark.browser]

CALL = {"video": True, "audio": True}


async def pair(app: App, chromium: Browser, pages: str) -> tuple[Peer, Peer]:
    page = await opened(chromium, pages)
    return await peer(page, app), await peer(page, app)


async def test_whip_and_whep(app: App, chromium: Browser, pages: str) -> None:
    """The server names what is pushed; the player brings an offer of its own."""
    publisher, player = await pair(app, chromium, pages)
    answer = await publisher.send_offer(CALL, {"autoDiscover": True})
    assert [track["kind"] for track in answer["tracks"]] == ["video", "audio"]
    tracks = [
        {"location": "remote", "sessionId": await publisher.id(), "trackName": each["trackName"]}
        for each in answer["tracks"]
    ]
    await player.flows(await player.pull_with_offer(tracks, ["video", "audio"]))


async def test_a_session_begins_with_an_offer(app: App, chromium: Browser, pages: str) -> None:
    """The older form: the offer comes with ``sessions/new``, and holds a data channel too."""
    page = await opened(chromium, pages)
    state = await page.evaluate(
        """async ({ url, secret }) => {
            const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
            pc.createDataChannel("server-events");
            const [audio] = await capture({ audio: true });
            pc.addTransceiver(audio, { direction: "sendonly" });
            await pc.setLocalDescription();
            const reply = await fetch(`${url}/sessions/new`, {
                method: "POST",
                headers: { Authorization: `Bearer ${secret}` },
                body: JSON.stringify({ sessionDescription: pc.localDescription }),
            });
            const answer = await reply.json();
            await pc.setRemoteDescription(answer.sessionDescription);
            while (pc.sctp.state !== "connected" || pc.connectionState !== "connected") {
                await new Promise((resolve) => setTimeout(resolve, 20));
            }
            return [reply.status, Object.keys(answer)];
        }""",
        {"url": app.url, "secret": app.secret},
    )
    assert state == [201, ["sessionId", "sessionDescription"]]


async def test_the_sfu_offers_to_receive(app: App, chromium: Browser, pages: str) -> None:
    """A push without an offer: the SFU makes the sections, the page fills them."""
    publisher, subscriber = await pair(app, chromium, pages)
    tracks = await publisher.fill(CALL)
    await subscriber.flows(await subscriber.pull(tracks))


async def test_a_relay_speaks_in_both_directions(app: App, chromium: Browser, pages: str) -> None:
    """The relay example: each side sends and receives in one section, and nothing renegotiates."""
    person, agent = await pair(app, chromium, pages)
    spoken = await person.push_both_ways({"audio": True}, "user-mic")
    [answered] = await agent.fill({"audio": True}, bidirectional=True)
    to_agent = await agent.pull_into(spoken | {"mid": f"#{answered['trackName']}"})
    to_person = await person.pull_into(answered | {"mid": "#user-mic"})
    await asyncio.gather(agent.flows([to_agent]), person.flows([to_person]))


async def test_force_closes_without_a_description(app: App, chromium: Browser, pages: str) -> None:
    publisher, subscriber = await pair(app, chromium, pages)
    video, audio = await subscriber.pull(await publisher.push(CALL))
    await subscriber.flows([video, audio])
    answer = await publisher.call("PUT", "tracks/close", {"tracks": [{"mid": "0"}], "force": True})
    assert "sessionDescription" not in answer
    await stands_still(subscriber, video)
    await subscriber.flows([audio])
    states = {each["mid"]: each["status"] for each in (await subscriber.state())["tracks"]}
    assert states == {video: "inactive", audio: "active"}


async def test_a_deleted_app_goes_silent_at_once(
    server: Server, chromium: Browser, pages: str
) -> None:
    app = server.create_app()
    publisher, subscriber = await pair(app, chromium, pages)
    mids = await subscriber.pull(await publisher.push(CALL))
    await subscriber.flows(mids)
    with server.cloudflare() as client:
        client.calls.sfu.delete(app.uid, account_id=server.account_id)
    for each in (publisher, subscriber):
        assert await each.ends() < 1000


@pytest.mark.slow
async def test_sound_and_picture_stay_together(app: App, chromium: Browser, pages: str) -> None:
    """They come within 80 ms of each other, step by step as browsers do, and stay there."""
    publisher, subscriber = await pair(app, chromium, pages)
    video, audio = await subscriber.pull(await publisher.push(CALL))
    await subscriber.flows([video, audio])
    async with asyncio.timeout(45):
        while await subscriber.apart(video, audio) >= 80:
            await subscriber.page.wait_for_timeout(200)
    apart = []
    for _ in range(10):
        apart.append(await subscriber.apart(video, audio))
        await subscriber.page.wait_for_timeout(200)
    print(f"apart by {sorted(apart)[5]:.0f} ms, {max(apart):.0f} ms at most")
    assert sorted(apart)[5] < 80, apart


async def stands_still(subscriber: Peer, mid: str) -> None:
    """No packet comes in ``mid`` for half a second, within five."""
    async with asyncio.timeout(5):
        before: Any = None
        while (now := (await subscriber.received())[mid]["packets"]) != before:
            before = now
            await asyncio.sleep(0.5)
