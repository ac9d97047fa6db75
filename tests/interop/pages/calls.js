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

  /** Sends tracks, with an offer of ours; returns what others pull them with. */
  async push(tracks, encodings = []) {
    const transceivers = tracks.map((track) =>
      this.pc.addTransceiver(track, {
        direction: "sendonly",
        ...(track.kind === "video" && { sendEncodings: encodings }),
      }),
    );
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

  received() {
    return received(this.pc);
  }
  flows(mids, options) {
    return flows(this.pc, mids, options);
  }
  longestFreeze(mid, seconds) {
    return longestFreeze(this.pc, mid, seconds);
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
