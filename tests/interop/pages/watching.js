// What a subscriber notices of its network over some seconds, and what a publisher thinks of its own.

/** The inbound streams of a connection, by kind. */
async function inbound(pc) {
  const rows = {};
  for (const report of (await pc.getStats()).values()) {
    if (report.type === "inbound-rtp") rows[report.kind] = report;
  }
  return rows;
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Milliseconds between decoded pictures, shown or not, for `seconds`. */
async function gaps(pc, seconds) {
  const receiver = pc.getReceivers().find(({ track }) => track.kind === "video");
  const track = receiver.track.clone();
  const reader = new MediaStreamTrackProcessor({ track }).readable.getReader();
  const until = performance.now() + seconds * 1000;
  const ended = sleep(seconds * 1000).then(() => ({ done: true }));
  const all = [];
  let last = performance.now();
  for (;;) {
    const { done, value } = await Promise.race([reader.read(), ended]);
    value?.close();
    const now = Math.min(performance.now(), until);
    all.push(now - last);
    last = now;
    if (done) break;
  }
  track.stop();
  return all;
}

/** What became of one publisher's picture and sound within `seconds`. */
window.watch = async (pc, seconds) => {
  const before = await inbound(pc);
  const between = await gaps(pc, seconds);
  const after = await inbound(pc);
  const more = (kind, name) => (after[kind][name] ?? 0) - (before[kind][name] ?? 0);
  return {
    frames: more("video", "framesDecoded"),
    longestGap: Math.max(...between),
    freezes: more("video", "freezeCount"),
    frozen: more("video", "totalFreezesDuration"),
    keyFrames: more("video", "keyFramesDecoded"),
    nacks: more("video", "nackCount"),
    plis: more("video", "pliCount"),
    lost: more("video", "packetsLost"),
    repaired: more("video", "retransmittedPacketsReceived"),
    audioNacks: more("audio", "nackCount"),
    audioLost: more("audio", "packetsLost"),
    audioDiscarded: more("audio", "packetsDiscarded"),
    samples: more("audio", "totalSamplesReceived"),
    concealed: more("audio", "concealedSamples"),
    silent: more("audio", "silentConcealedSamples"),
    fec: more("audio", "fecPacketsReceived"),
    energy: more("audio", "totalAudioEnergy"),
    jitterBuffer: more("audio", "jitterBufferDelay") / more("audio", "jitterBufferEmittedCount"),
    videoBuffer: more("video", "jitterBufferDelay") / more("video", "jitterBufferEmittedCount"),
  };
};
window.inbound = inbound;
window.outbound = async (pc) => {
  const rows = [];
  for (const r of (await pc.getStats()).values()) if (["outbound-rtp","remote-inbound-rtp","candidate-pair"].includes(r.type)) rows.push(r);
  return rows;
};
/** How far the picture is ahead of the sound now, in milliseconds. */
window.apart = async (pc) => {
  const { video, audio } = await inbound(pc);
  return video.estimatedPlayoutTimestamp - audio.estimatedPlayoutTimestamp;
};
window.watching = true;
