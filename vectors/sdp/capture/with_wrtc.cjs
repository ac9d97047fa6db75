// Captures what libwebrtc writes outside of a browser, through @roamhq/wrtc (npm), run as
// `NODE_PATH=<node_modules> node wrtc.cjs`.
const fs = require("fs");
const path = require("path");
const { RTCPeerConnection, nonstandard } = require("@roamhq/wrtc");

const layers = ["f", "h", "q"].map((rid) => ({ rid, active: true }));
const audio = new nonstandard.RTCAudioSource().createTrack();
const video = new nonstandard.RTCVideoSource().createTrack();
const target = path.join(__dirname, "..", "wrtc-0.10");

async function record(name, prepare) {
  const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  prepare(pc);
  fs.writeFileSync(path.join(target, `${name}.sdp`), (await pc.createOffer()).sdp);
  pc.close();
}

(async () => {
  fs.mkdirSync(target, { recursive: true });
  await record("audio-video", (pc) => {
    pc.addTrack(audio);
    pc.addTrack(video);
  });
  await record("simulcast", (pc) => {
    pc.addTransceiver(video, { direction: "sendonly", sendEncodings: layers });
    pc.addTransceiver(audio, { direction: "sendonly" });
  });
  await record("recvonly", (pc) => {
    pc.addTransceiver("audio", { direction: "recvonly" });
    pc.addTransceiver("video", { direction: "recvonly" });
  });
  await record("datachannel", (pc) => pc.createDataChannel("server-events"));
  process.exit(0);
})();
