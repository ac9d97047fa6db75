"""aiortc as a publisher or a subscriber of one session, for the interop tests.

    aiortc_call.py publish URL SECRET --video H264 --audio opus --luma 180 --pitch 440
    aiortc_call.py subscribe URL SECRET SESSION [--offer]

URL is an app's. The publisher sends a grey picture and a tone; it prints its session once it is
connected, and stays until its standard input closes. The subscriber pulls both (with ``--offer``:
with an offer of its own), prints what it saw and heard, and ends.
"""

import argparse
import asyncio
import fractions
import json
import sys
import time

import av
import httpx
import numpy
from aiortc import (
    MediaStreamTrack,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)

RATE = 48_000
SAMPLES = 960


class Paced(MediaStreamTrack):
    """A track that brings a frame each ``seconds``."""

    seconds = 1.0

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self._begun = time.monotonic()

    async def recv(self) -> av.frame.Frame:
        await asyncio.sleep(max(0.0, self._begun + self.count * self.seconds - time.monotonic()))
        self.count += 1
        return self.frame(self.count - 1)


class Grey(Paced):
    kind = "video"
    seconds = 1 / 20

    def __init__(self, luma: int) -> None:
        super().__init__()
        self._luma = luma

    def frame(self, count: int) -> av.VideoFrame:
        planes = numpy.full((360, 320), 128, numpy.uint8)
        planes[:240] = self._luma
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts, frame.time_base = count * 90_000 // 20, fractions.Fraction(1, 90_000)
        return frame


class Tone(Paced):
    kind = "audio"
    seconds = SAMPLES / RATE

    def __init__(self, pitch: float) -> None:
        super().__init__()
        self._pitch = pitch

    def frame(self, count: int) -> av.AudioFrame:
        at = (count * SAMPLES + numpy.arange(SAMPLES)) / RATE
        wave = (8000 * numpy.sin(2 * numpy.pi * self._pitch * at)).astype(numpy.int16)
        frame = av.AudioFrame.from_ndarray(wave.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = RATE
        frame.pts, frame.time_base = count * SAMPLES, fractions.Fraction(1, RATE)
        return frame


class Session:
    """A connection and its session at the SFU."""

    def __init__(self, url: str, secret: str) -> None:
        headers = {"authorization": f"Bearer {secret}"}
        self._http = httpx.AsyncClient(base_url=url, headers=headers, timeout=20)
        self.pc = RTCPeerConnection()
        self._connected = asyncio.Event()
        self.pc.on("connectionstatechange", self._changed)

    def _changed(self) -> None:
        print(self.pc.connectionState, file=sys.stderr, flush=True)
        if self.pc.connectionState == "connected":
            self._connected.set()

    async def open(self) -> None:
        self.id = (await self.call("POST", "/sessions/new"))["sessionId"]

    async def call(self, method: str, path: str, body: object = None) -> dict:
        content = None if body is None else json.dumps(body)
        reply = await self._http.request(method, path, content=content)
        answer = reply.json()
        failed = [answer, *answer.get("tracks", [])]
        if any("errorCode" in entry for entry in failed):
            sys.exit(f"{reply.status_code} {reply.text}")
        return answer

    async def offer(self) -> dict:
        await self.pc.setLocalDescription(await self.pc.createOffer())
        return {"type": "offer", "sdp": self.pc.localDescription.sdp}

    async def take(self, description: dict) -> None:
        await self.pc.setRemoteDescription(RTCSessionDescription(**description))

    async def connected(self) -> None:
        async with asyncio.timeout(10):
            await self._connected.wait()

    async def close(self) -> None:
        await self.pc.close()
        await self._http.aclose()


async def publish(session: Session, args: argparse.Namespace) -> None:
    for track, name in [(Grey(args.luma), args.video), (Tone(args.pitch), args.audio)]:
        transceiver = session.pc.addTransceiver(track, "sendonly")
        known = RTCRtpSender.getCapabilities(track.kind).codecs
        wanted = [codec for codec in known if codec.name.lower() == name.lower()]
        transceiver.setCodecPreferences(wanted)
    offer = await session.offer()
    answer = await session.call(
        "POST",
        f"/sessions/{session.id}/tracks/new",
        {
            "sessionDescription": offer,
            "tracks": [
                {"location": "local", "mid": each.mid, "trackName": each.kind}
                for each in session.pc.getTransceivers()
            ],
        },
    )
    await session.take(answer["sessionDescription"])
    await session.connected()
    print("session", session.id, flush=True)
    await asyncio.to_thread(sys.stdin.read)


async def subscribe(session: Session, args: argparse.Namespace) -> None:
    wanted = [
        {"location": "remote", "sessionId": args.session, "trackName": name}
        for name in ("video", "audio")
    ]
    path = f"/sessions/{session.id}/tracks/new"
    if args.offer:
        for kind in ("video", "audio"):
            session.pc.addTransceiver(kind, "recvonly")
        offer = await session.offer()
        answer = await session.call("POST", path, {"tracks": wanted, "sessionDescription": offer})
        await session.take(answer["sessionDescription"])
    else:
        answer = await session.call("POST", path, {"tracks": wanted})
        await session.take(answer["sessionDescription"])
        await session.pc.setLocalDescription(await session.pc.createAnswer())
        description = {"type": "answer", "sdp": session.pc.localDescription.sdp}
        await session.call(
            "PUT", f"/sessions/{session.id}/renegotiate", {"sessionDescription": description}
        )
    await session.connected()
    tracks = {each.kind: each.receiver.track for each in session.pc.getTransceivers()}
    async with asyncio.timeout(15):
        luma, pitch = await asyncio.gather(seen(tracks["video"]), heard(tracks["audio"]))
    print(json.dumps({"luma": luma, "pitch": pitch}), flush=True)


async def seen(track: MediaStreamTrack) -> int:
    """The brightness of the twentieth picture."""
    for _ in range(20):
        frame = await track.recv()
    return round(float(frame.to_ndarray(format="yuv420p")[: frame.height].mean()))


async def heard(track: MediaStreamTrack) -> int:
    """The pitch, in hertz, of a second of sound after the first half one."""
    waves, samples, rate = [], 0, RATE
    while samples < rate * 3 // 2:
        frame = await track.recv()
        rate = frame.sample_rate
        mono = frame.to_ndarray().reshape(-1, len(frame.layout.channels))[:, 0]
        waves.append(mono)
        samples += len(mono)
    second = numpy.concatenate(waves)[-rate:].astype(float)
    return int(numpy.argmax(numpy.abs(numpy.fft.rfft(second))))


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=["publish", "subscribe"])
    parser.add_argument("url")
    parser.add_argument("secret")
    parser.add_argument("session", nargs="?")
    parser.add_argument("--video", default="VP8")
    parser.add_argument("--audio", default="opus")
    parser.add_argument("--luma", type=int, default=180)
    parser.add_argument("--pitch", type=float, default=440)
    parser.add_argument("--offer", action="store_true")
    args = parser.parse_args()
    session = Session(args.url, args.secret)
    await session.open()
    await {"publish": publish, "subscribe": subscribe}[args.role](session, args)
    await session.close()


asyncio.run(main())
