// The SFU as Cloudflare's published examples call it: plain WebRTC, and fetch without a content type.

import { becomes, flows, longestFreeze, received, show } from "./received.js";

/** One connection and its session. */
class Peer {
  constructor(app) {
    this.app = app;
    this.pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
    this.pc.addEventListener("track", ({ track }) => show(track));
  }

  async call(method, path, body) {
    const response = await fetch(`${this.app.url}/sessions/${path}`, {
      method,
      headers: { Authorization: `Bearer ${this.app.secret}` },
      body: body && JSON.stringify(body),
    });
    const answer = await response.json();
    if (answer.errorCode) throw new Error(`${answer.errorCode}: ${answer.errorDescription}`);
    const failed = answer.tracks?.find(({ errorCode }) => errorCode);
    if (failed) throw new Error(`${failed.errorCode}: ${failed.errorDescription}`);
    return answer;
  }

  async open() {
    this.id = (await this.call("POST", "new")).sessionId;
  }

  /** A promise of ICE's connecting, as the examples wait for it: five seconds. */
  connected() {
    return new Promise((resolve, reject) => {
      const looks = () => {
        if (["connected", "completed"].includes(this.pc.iceConnectionState)) resolve();
      };
      this.pc.addEventListener("iceconnectionstatechange", looks);
      looks();
      setTimeout(() => reject(new Error(this.pc.iceConnectionState)), 5000);
    });
  }

  /** From now on what is sent is coded so (`video/VP9`). */
  prefer(mime) {
    this.preferred = mime;
  }

  /** Sends tracks, with an offer of ours; returns what others pull them with. */
  async push(tracks, encodings = []) {
    const transceivers = tracks.map((track) => {
      const transceiver = this.pc.addTransceiver(track, {
        direction: "sendonly",
        ...(track.kind === "video" && { sendEncodings: encodings }),
      });
      const { codecs } = RTCRtpReceiver.getCapabilities(track.kind);
      const rank = ({ mimeType }) => (mimeType === this.preferred ? 0 : 1);
      if (codecs.some((codec) => rank(codec) === 0)) {
        transceiver.setCodecPreferences(codecs.toSorted((a, b) => rank(a) - rank(b)));
      }
      return transceiver;
    });
    for (const { sender } of transceivers) {
      // A busy machine must not make the pictures smaller that tests tell apart by their size.
      const parameters = sender.getParameters();
      await sender.setParameters({ ...parameters, degradationPreference: "maintain-resolution" });
    }
    await this.pc.setLocalDescription(await this.pc.createOffer());
    const connected = this.connected();
    const answer = await this.call("POST", `${this.id}/tracks/new`, {
      sessionDescription: { sdp: this.pc.localDescription.sdp, type: "offer" },
      tracks: transceivers.map(({ mid, sender }) => ({
        location: "local",
        mid,
        trackName: sender.track.id,
      })),
    });
    await this.pc.setRemoteDescription(answer.sessionDescription);
    await connected;
    return tracks.map((track) => ({
      location: "remote",
      sessionId: this.id,
      trackName: track.id,
    }));
  }

  /** Receives tracks, with an offer of the SFU's; returns their mids once they arrived here. */
  async pull(tracks) {
    const answer = await this.call("POST", `${this.id}/tracks/new`, { tracks });
    const mids = answer.tracks.map(({ mid }) => mid);
    const arrived = Promise.all(mids.map((mid) => this.arrival(mid)));
    if (!answer.requiresImmediateRenegotiation) throw new Error("no renegotiation is asked for");
    await this.pc.setRemoteDescription(answer.sessionDescription);
    await this.pc.setLocalDescription(await this.pc.createAnswer());
    await this.call("PUT", `${this.id}/renegotiate`, {
      sessionDescription: { sdp: this.pc.currentLocalDescription.sdp, type: "answer" },
    });
    await arrived;
    return mids;
  }

  /** Receives tracks, with an offer of ours that has a section for each. */
  async pullWithOffer(tracks, kinds) {
    for (const kind of kinds) this.pc.addTransceiver(kind, { direction: "recvonly" });
    await this.pc.setLocalDescription(await this.pc.createOffer());
    const answer = await this.call("POST", `${this.id}/tracks/new`, {
      sessionDescription: { sdp: this.pc.localDescription.sdp, type: "offer" },
      tracks: tracks.map((track, at) => ({ ...track, kind: kinds[at] })),
    });
    await this.pc.setRemoteDescription(answer.sessionDescription);
    return answer.tracks.map(({ mid }) => mid);
  }

  /** Sends tracks with an offer of ours, and `more` in the request; returns the answer. */
  async sendOffer(tracks, more, direction = "sendonly") {
    for (const track of tracks) this.pc.addTransceiver(track, { direction });
    await this.pc.setLocalDescription();
    const answer = await this.call("POST", `${this.id}/tracks/new`, {
      sessionDescription: this.pc.localDescription,
      ...more,
    });
    await this.pc.setRemoteDescription(answer.sessionDescription);
    return answer;
  }

  /** Sends one track in a section that can also receive. */
  async pushBothWays([track], trackName) {
    const wanted = {
      location: "local",
      mid: "0",
      trackName,
      kind: track.kind,
      bidirectionalMediaStream: true,
    };
    await this.sendOffer([track], { tracks: [wanted] }, "sendrecv");
    return { location: "remote", sessionId: this.id, trackName };
  }

  /** Sends tracks in sections that the SFU offers. */
  async fill(tracks, bidirectional = false) {
    const answer = await this.call("POST", `${this.id}/tracks/new`, {
      tracks: tracks.map((track) => ({
        location: "local",
        trackName: track.id,
        kind: track.kind,
        ...(bidirectional && { bidirectionalMediaStream: true }),
      })),
    });
    if (!answer.requiresImmediateRenegotiation) throw new Error("no renegotiation is asked for");
    await this.pc.setRemoteDescription(answer.sessionDescription);
    for (const [at, { mid }] of answer.tracks.entries()) {
      const transceiver = this.pc.getTransceivers().find((each) => each.mid === mid);
      transceiver.direction = bidirectional ? "sendrecv" : "sendonly";
      await transceiver.sender.replaceTrack(tracks[at]);
    }
    await this.pc.setLocalDescription();
    await this.call("PUT", `${this.id}/renegotiate`, {
      sessionDescription: this.pc.localDescription,
    });
    return answer.tracks.map(({ trackName }) => ({
      location: "remote",
      sessionId: this.id,
      trackName,
    }));
  }

  /** Receives a track in a section that is there already; returns its mid. */
  async pullInto(track) {
    const answer = await this.call("POST", `${this.id}/tracks/new`, { tracks: [track] });
    if (answer.requiresImmediateRenegotiation) throw new Error("a renegotiation is asked for");
    return answer.tracks[0].mid;
  }

  /** Milliseconds until the other side has closed the DTLS association. */
  async ends() {
    const begun = performance.now();
    const [{ receiver }] = this.pc.getTransceivers();
    while (receiver.transport.state !== "closed") {
      if (performance.now() - begun > 15_000) throw new Error(receiver.transport.state);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return performance.now() - begun;
  }

  /** How many milliseconds of the sender's clock what is shown and what is heard are apart. */
  async apart(video, audio) {
    for (let tries = 0; tries < 100; tries++) {
      const played = {};
      for (const report of (await this.pc.getStats()).values()) {
        if (report.type === "inbound-rtp") played[report.mid] = report.estimatedPlayoutTimestamp;
      }
      if (played[video] && played[audio]) return Math.abs(played[video] - played[audio]);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error("the browser does not know when it plays what");
  }

  /** Resolves once the browser announces a track in `mid`, at most five seconds from now. */
  arrival(mid) {
    return new Promise((resolve, reject) => {
      setTimeout(() => reject(new Error(`no track in ${mid}`)), 5000);
      this.pc.addEventListener("track", ({ transceiver }) => {
        if (transceiver.mid === mid) resolve();
      });
    });
  }

  async update(tracks) {
    return await this.call("PUT", `${this.id}/tracks/update`, { tracks });
  }

  /** Stops sections by negotiation: the browser's stop, and the SFU's answer to it. */
  async close(mids) {
    for (const transceiver of this.pc.getTransceivers()) {
      if (mids.includes(transceiver.mid)) transceiver.stop();
    }
    await this.pc.setLocalDescription(await this.pc.createOffer());
    const answer = await this.call("PUT", `${this.id}/tracks/close`, {
      sessionDescription: { sdp: this.pc.localDescription.sdp, type: "offer" },
      tracks: mids.map((mid) => ({ mid })),
      force: false,
    });
    await this.pc.setRemoteDescription(answer.sessionDescription);
  }

  /** What is received in `mid`, as `video/VP9`. */
  async codec(mid) {
    const reports = await this.pc.getStats();
    return reports.get((await this.received())[mid].codec).mimeType;
  }

  received() {
    return received(this.pc);
  }
  flows(mids, options) {
    return flows(this.pc, mids, options);
  }
  longestFreeze(mid, seconds) {
    return longestFreeze(this.pc, mid, seconds);
  }
  /** Waits until the browser believes that its way carries so many bits a second; milliseconds. */
  async believesIn(bits, seconds = 15) {
    const begun = performance.now();
    for (;;) {
      let most = 0;
      for (const report of (await this.pc.getStats()).values()) {
        if (report.type === "candidate-pair") most = Math.max(most, report.availableOutgoingBitrate ?? 0);
      }
      if (most >= bits) return performance.now() - begun;
      if (performance.now() - begun > seconds * 1000) throw new Error(`it believes in ${most}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  ufrag() {
    return this.pc.localDescription.sdp.match(/a=ice-ufrag:(.+)\r/)[1];
  }
  becomes(mid, width, seconds) {
    return becomes(this.pc, mid, width, seconds);
  }
}

window.peer = async (app) => {
  const made = new Peer(app);
  await made.open();
  return made;
};

/** Camera and microphone, video first unless told otherwise. */
window.capture = async (constraints) => {
  const captured = await navigator.mediaDevices.getUserMedia(constraints);
  return [...captured.getVideoTracks(), ...captured.getAudioTracks()];
};
window.ready = true;
