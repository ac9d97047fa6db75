// What a connection has received, and whether more of it is coming: decoded pictures and heard sound.

/** One row a section that receives, by mid. */
export async function received(pc) {
  const rows = {};
  for (const report of (await pc.getStats()).values()) {
    if (report.type !== "inbound-rtp" || report.mid === undefined) continue;
    rows[report.mid] = {
      kind: report.kind,
      packets: report.packetsReceived,
      frames: report.framesDecoded ?? 0,
      width: report.frameWidth ?? 0,
      height: report.frameHeight ?? 0,
      energy: report.totalAudioEnergy ?? 0,
      samples: report.totalSamplesReceived ?? 0,
      concealed: report.concealedSamples ?? 0,
      freezes: report.freezeCount ?? 0,
      frozen: report.totalFreezesDuration ?? 0,
      codec: report.codecId,
    };
  }
  return rows;
}

/** Shows a track, since only what is shown or heard is decoded in full. */
export function show(track) {
  const element = document.createElement(track.kind);
  element.srcObject = new MediaStream([track]);
  element.autoplay = true;
  element.muted = track.kind === "video";
  document.body.append(element);
  element.play().catch(() => {});
  return element;
}

/**
 * Waits until every one of `mids` brought `frames` more pictures, or more sound.
 *
 * Returns the milliseconds that took; rejects, naming what does not flow, after `seconds`.
 */
export async function flows(pc, mids, { frames = 10, seconds = 15 } = {}) {
  const begun = performance.now();
  const before = await received(pc);
  const flowing = (mid, now) => {
    const [old, row] = [before[mid], now[mid]];
    if (row === undefined) return false;
    if (row.kind === "video") return row.frames >= (old?.frames ?? 0) + frames;
    return row.energy > (old?.energy ?? 0);
  };
  for (;;) {
    const now = await received(pc);
    const missing = mids.filter((mid) => !flowing(mid, now));
    if (missing.length === 0) return performance.now() - begun;
    if (performance.now() - begun > seconds * 1000) {
      const rows = JSON.stringify(missing.map((mid) => [mid, now[mid] ?? null]));
      throw new Error(`nothing flows in ${rows}; ${pc.iceConnectionState}, ${pc.connectionState}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Waits until the picture in `mid` is as wide as `width`; returns the milliseconds. */
export async function becomes(pc, mid, width, seconds = 15) {
  const begun = performance.now();
  for (;;) {
    const seen = (await received(pc))[mid]?.width;
    if (seen === width) return performance.now() - begun;
    if (performance.now() - begun > seconds * 1000) throw new Error(`the width is ${seen}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The longest that no new picture was decoded in `mid`, in seconds, in the next `seconds`. */
export async function longestFreeze(pc, mid, seconds) {
  const begun = performance.now();
  let [frames, since, longest] = [-1, begun, 0];
  while (performance.now() - begun < seconds * 1000) {
    const now = (await received(pc))[mid].frames;
    const at = performance.now();
    longest = Math.max(longest, at - since);
    if (now !== frames) [frames, since] = [now, at];
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return longest / 1000;
}
