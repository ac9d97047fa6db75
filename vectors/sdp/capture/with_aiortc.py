"""Captures what aiortc writes (PyPI)."""

import asyncio
from importlib.metadata import version

from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack
from write import write


async def gathered(pc: RTCPeerConnection) -> str:
    await pc.setLocalDescription(await pc.createOffer())
    description = pc.localDescription.sdp
    await pc.close()
    return description


async def descriptions() -> dict[str, str]:
    publisher = RTCPeerConnection()
    publisher.addTrack(AudioStreamTrack())
    publisher.addTrack(VideoStreamTrack())
    subscriber = RTCPeerConnection(RTCConfiguration(bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
    subscriber.addTransceiver("audio", direction="recvonly")
    subscriber.addTransceiver("video", direction="recvonly")
    messenger = RTCPeerConnection()
    messenger.createDataChannel("server-events")
    return {
        "audio-video": await gathered(publisher),
        "recvonly": await gathered(subscriber),
        "datachannel": await gathered(messenger),
    }


write(f"aiortc-{version('aiortc')}", asyncio.run(descriptions()))
