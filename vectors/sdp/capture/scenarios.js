// Descriptions that a browser writes, by name. Where one needs a peer, it is another connection of
// the same page, which accepts everything.
async function descriptions() {
  const found = {};
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: true,
    video: { width: 1280, height: 720 },
  });
  const [audio] = stream.getAudioTracks();
  const [video] = stream.getVideoTracks();
  const layers = ["f", "h", "q"].map((rid, i) => ({ rid, scaleResolutionDownBy: 2 ** i }));
  const connection = () => new RTCPeerConnection({ bundlePolicy: "max-bundle" });

  async function record(name, prepare) {
    const pc = connection();
    prepare(pc);
    found[name] = (await pc.createOffer()).sdp;
    pc.close();
  }
  await record("audio-video", (pc) => {
    pc.addTransceiver(audio, { direction: "sendonly", streams: [stream] });
    pc.addTransceiver(video, { direction: "sendonly", streams: [stream] });
  });
  await record("video-audio", (pc) => {
    pc.addTrack(video, stream);
    pc.addTrack(audio, stream);
  });
  await record("simulcast", (pc) => {
    pc.addTransceiver(audio, { direction: "sendonly" });
    pc.addTransceiver(video, { direction: "sendonly", sendEncodings: layers });
  });
  await record("simulcast-first", (pc) => {
    pc.addTransceiver(video, { direction: "sendonly", sendEncodings: layers });
    pc.addTransceiver(audio, { direction: "sendonly" });
  });
  await record("datachannel", (pc) => pc.createDataChannel("server-events"));
  await record("audio-datachannel", (pc) => {
    pc.addTrack(audio, stream);
    pc.createDataChannel("server-events");
  });
  await record("recvonly", (pc) => {
    pc.addTransceiver("audio", { direction: "recvonly" });
    pc.addTransceiver("video", { direction: "recvonly" });
  });

  async function gathered(pc) {
    while (pc.iceGatheringState !== "complete") {
      await new Promise((done) => pc.addEventListener("icegatheringstatechange", done, { once: true }));
    }
  }
  async function exchange(name, offerer, answerer) {
    await offerer.setLocalDescription();
    await gathered(offerer);
    found[name] = offerer.localDescription.sdp;
    await answerer.setRemoteDescription(offerer.localDescription);
    await answerer.setLocalDescription();
    found[`${name}-answer`] = answerer.localDescription.sdp;
    await offerer.setRemoteDescription(answerer.localDescription);
  }
  const [one, other] = [connection(), connection()];
  const kept = one.addTransceiver(audio, { direction: "sendonly", streams: [stream] });
  const stopped = one.addTransceiver(video, { direction: "sendonly", sendEncodings: layers });
  await exchange("life-1-gathered", one, other);
  stopped.stop();
  await exchange("life-2-stopped", one, other);
  one.addTransceiver(video.clone(), { direction: "sendonly", streams: [stream] });
  await exchange("life-3-recycled", one, other);
  kept.stop();
  await exchange("life-4-first-stopped", one, other);
  one.restartIce();
  await exchange("life-5-restarted", one, other);
  one.close();
  other.close();
  return found;
}
