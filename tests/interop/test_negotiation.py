"""Chromium reads every description that we write, on one connection and in any order."""

import json
from random import Random

import pytest
from playwright.async_api import Browser, Page
from tidegate.addresses import HostPort
from tidegate.calls.extensions import ExtensionNumbers
from tidegate.calls.negotiation import (
    Answer,
    Intents,
    LocalTransport,
    Negotiation,
    Outcome,
    Pull,
    Push,
    Reception,
)

from tests.calls.vectors import vector

pytestmark = pytest.mark.browser

TRANSPORT = LocalTransport((HostPort("127.0.0.1", 9),), bytes(32))

SCRIPT = """
window.start = async () => {
  window.pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  window.stream = await navigator.mediaDevices.getUserMedia({
    audio: true,
    video: { width: 1280, height: 720 },
  });
  window.audio = () => stream.getAudioTracks()[0].clone();
  window.video = () => stream.getVideoTracks()[0].clone();
  window.layers = ["f", "h", "q"].map((rid, i) => ({ rid, scaleResolutionDownBy: 2 ** i }));
};
window.directions = () =>
  Object.fromEntries(pc.getTransceivers().map((each) => [each.mid, each.currentDirection]));
window.offer = async () => {
  await pc.setLocalDescription();
  return pc.localDescription.sdp;
};
window.takeAnswer = (sdp) => pc.setRemoteDescription({ type: "answer", sdp });
window.answer = async (sdp) => {
  await pc.setRemoteDescription({ type: "offer", sdp });
  await pc.setLocalDescription();
  return pc.localDescription.sdp;
};
start();
"""

SIMULCAST = "pc.addTransceiver(video(), { direction: 'sendonly', sendEncodings: layers })"
AUDIO = "pc.addTransceiver(audio(), { direction: 'sendonly' })"


def negotiation() -> Negotiation:
    return Negotiation(TRANSPORT, ExtensionNumbers(), Random(1).randbytes)


def published(name: str) -> dict[str, Reception]:
    return dict(negotiation().answer(vector(name)).receiving)


CHROMIUM = published("chromium-156/simulcast-first")
FIREFOX = published("firefox-153/simulcast")
AIORTC = published("aiortc-1.16.0/audio-video")
PION = published("pion-4.2.9/audio-video")


class Connection:
    """A connection in a page, and our side of its negotiation."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.negotiation = negotiation()
        self.crashed = False
        page.on("crash", self._crash)

    def _crash(self, _: Page) -> None:
        self.crashed = True

    async def run(self, script: str) -> None:
        await self.page.evaluate(f"() => {{ {script}; }}")

    async def push(self, script: str = "", intents: Intents | None = None) -> Answer:
        await self.run(script)
        answer = self.negotiation.answer(await self.page.evaluate("offer()"), intents or Intents())
        await self.page.evaluate(f"takeAnswer({json.dumps(answer.sdp)})")
        return answer

    async def pull(self, *tracks: Reception) -> Outcome:
        pulls = [Pull(track, f"publisher{place}") for place, track in enumerate(tracks)]
        return await self.take(self.negotiation.offer(pulls).sdp)

    async def take(self, offer: str) -> Outcome:
        answer = await self.page.evaluate(f"answer({json.dumps(offer)})")
        return self.negotiation.accept_answer(answer)

    async def directions(self) -> dict[str, str]:
        assert not self.crashed
        found: dict[str, str] = await self.page.evaluate("directions()")
        return found


@pytest.fixture
async def connection(chromium: Browser) -> Connection:
    page = await chromium.new_page()
    await page.route("**/*", lambda route: route.fulfill(content_type="text/html", body=""))
    await page.goto("http://localhost/")
    await page.evaluate(SCRIPT)
    return Connection(page)


@pytest.mark.parametrize(
    "pushes", [(SIMULCAST, AUDIO), (AUDIO, SIMULCAST)], ids=["video first", "audio first"]
)
async def test_pushes_and_pulls_in_turn(connection: Connection, pushes: tuple[str, str]) -> None:
    """Ids and payload types are the page's or its publishers', by who came first."""
    first, second = pushes
    assert (await connection.push(first)).receiving.keys() == {"0"}
    assert (await connection.pull(FIREFOX["0"], FIREFOX["1"])).sending.keys() == {"1", "2"}
    assert (await connection.pull(CHROMIUM["0"], CHROMIUM["1"])).sending.keys() == {"3", "4"}
    assert (await connection.push(second)).receiving.keys() == {"5"}
    outcome = await connection.pull(AIORTC["0"], AIORTC["1"], PION["0"], PION["1"])
    assert outcome.sending.keys() == {"6", "7", "8", "9"}
    assert (dict(outcome.receiving), outcome.receiving_ended) == ({}, frozenset())
    assert await connection.directions() == {
        **dict.fromkeys("05", "sendonly"),
        **dict.fromkeys("12346789", "recvonly"),
    }


async def test_simulcast_goes_out_after_pulls_alone(connection: Connection) -> None:
    await connection.pull(AIORTC["1"], FIREFOX["1"])
    answer = await connection.push(SIMULCAST)
    assert [encoding.rid for encoding in answer.receiving["2"].encodings] == ["f", "h", "q"]
    assert (await connection.directions())["2"] == "sendonly"


async def test_sections_are_stopped_recycled_and_closed(connection: Connection) -> None:
    await connection.push(f"{AUDIO}; {SIMULCAST}")
    await connection.pull(CHROMIUM["0"], CHROMIUM["1"])
    stopped = await connection.push("pc.getTransceivers()[1].stop()")
    assert stopped.receiving_ended == {"1"}
    assert (await connection.push(AUDIO)).receiving.keys() == {"4"}
    first = await connection.push("pc.getTransceivers().find((t) => t.mid === '0').stop()")
    assert first.receiving_ended == {"0"}
    assert (await connection.push("pc.restartIce()")).credentials is not None
    connection.negotiation.close(["2"])
    assert (await connection.pull(CHROMIUM["0"])).sending.keys() == {"5"}
    assert await connection.directions() == {
        "2": "inactive",
        "3": "recvonly",
        "4": "sendonly",
        "5": "recvonly",
    }
    assert (await connection.push("", Intents(close=["3"]))).sending_ended == {"3"}
    assert (await connection.directions())["3"] == "inactive"


async def test_a_push_without_an_offer_and_data_channels(connection: Connection) -> None:
    pushes = [Push("audio", bidirectional=True), Push("video")]
    offer = connection.negotiation.offer([], pushes, data_channels=True)
    await connection.page.evaluate(
        f"""async () => {{
          await pc.setRemoteDescription({{ type: "offer", sdp: {json.dumps(offer.sdp)} }});
          const [two, one] = pc.getTransceivers();
          two.direction = "sendrecv";
          one.direction = "sendonly";
          await two.sender.replaceTrack(audio());
          await one.sender.replaceTrack(video());
          await pc.setLocalDescription();
        }}"""
    )
    outcome = connection.negotiation.accept_answer(
        await connection.page.evaluate("pc.localDescription.sdp")
    )
    assert outcome.receiving.keys() == {"0", "1"}
    assert outcome.remote is not None
    assert outcome.remote.sctp_port == 5000
    assert connection.negotiation.bind("0", Pull(FIREFOX["0"], "them")) is not None
    assert await connection.directions() == {"0": "sendrecv", "1": "sendonly"}


async def test_an_offer_of_the_page_to_receive(connection: Connection) -> None:
    kinds = "for (const kind of ['audio', 'video', 'video'])"
    script = f"{kinds} pc.addTransceiver(kind, {{ direction: 'recvonly' }})"
    pulls = [Pull(FIREFOX["1"], "them"), Pull(FIREFOX["0"], "them")]
    answer = await connection.push(script, Intents(pulls=pulls))
    assert answer.pulled == ("1", "0")
    assert await connection.directions() == {"0": "recvonly", "1": "recvonly", "2": "inactive"}
    outcome = await connection.pull(CHROMIUM["0"])
    assert outcome.sending.keys() == {"3"}
    assert not outcome.sending_ended


async def test_a_two_way_section_of_the_page(connection: Connection) -> None:
    intents = Intents(publish=["0"], bidirectional=["0"])
    await connection.push("pc.addTransceiver(audio(), { direction: 'sendrecv' })", intents)
    assert await connection.directions() == {"0": "sendrecv"}


async def test_hundreds_of_sections(connection: Connection) -> None:
    tracks = [*CHROMIUM.values(), *FIREFOX.values()]
    assert len((await connection.pull(*tracks * 50)).sending) == 200
    assert (await connection.push(AUDIO)).receiving.keys() == {"200"}
    assert (await connection.pull(CHROMIUM["0"])).sending.keys() == {"201"}
