// Cloudflare's own client library, unmodified, with nothing but its prefix changed.

import { PartyTracks, setLogLevel } from "partytracks/client";
import { BehaviorSubject, of } from "rxjs";

import { becomes, flows, received, show } from "./received.js";

const pushed = [];
const pulled = [];
let partyTracks;
let session;

/** Resolves with what an observable says first, and keeps listening. */
function first(observable, onValue = () => {}) {
  let subscription;
  const value = new Promise((resolve, reject) => {
    subscription = observable.subscribe({
      next: (value) => {
        onValue(value);
        resolve(value);
      },
      error: reject,
    });
  });
  return { value, subscription };
}

/** Makes a session; `prefix` is the app's URL. Without `iceServers` the library asks us for them. */
window.join = async (prefix, secret, iceServers) => {
  setLogLevel("info");
  const headers = new Headers({ Authorization: `Bearer ${secret}` });
  partyTracks = new PartyTracks({ prefix, headers, ...(iceServers && { iceServers }) });
  await first(partyTracks.session$, (now) => (session = now)).value;
  return session.sessionId;
};

window.sessionId = () => session.sessionId;

/** Pushes what `constraints` capture; returns what others pull it with, video first. */
window.push = async (constraints, encodings = []) => {
  const captured = await navigator.mediaDevices.getUserMedia(constraints);
  const tracks = [...captured.getVideoTracks(), ...captured.getAudioTracks()];
  const pushing = tracks.map((track) => {
    const options = track.kind === "video" ? { sendEncodings$: of(encodings) } : {};
    const entry = first(partyTracks.push(of(track), options), (metadata) => {
      entry.metadata = metadata;
    });
    pushed.push(entry);
    return entry.value;
  });
  return await Promise.all(pushing);
};

/** What is pushed now: it changes when the library has to rebuild its session. */
window.metadata = () => pushed.map((entry) => entry.metadata);

/** Pulls one track; returns its number here. */
window.pull = async (metadata, rid) => {
  const metadata$ = new BehaviorSubject(metadata);
  const preferredRid$ = new BehaviorSubject(rid);
  const options = rid === undefined ? {} : { simulcast: { preferredRid$ } };
  const entry = first(partyTracks.pull(metadata$, options), (track) => {
    entry.track = track;
    show(track);
  });
  Object.assign(entry, { metadata$, preferredRid$ });
  const number = pulled.push(entry) - 1;
  await entry.value;
  return number;
};

window.pullAnother = (number, metadata) => pulled[number].metadata$.next(metadata);
window.prefer = (number, rid) => pulled[number].preferredRid$.next(rid);
window.closePushed = (number) => pushed[number].subscription.unsubscribe();
window.closePulled = (number) => pulled[number].subscription.unsubscribe();

function midOf(number) {
  const transceivers = session.peerConnection.getTransceivers();
  return transceivers.find(({ receiver }) => receiver.track === pulled[number].track)?.mid;
}

window.received = async () => await received(session.peerConnection);
window.width = async (number) => (await received(session.peerConnection))[midOf(number)]?.width;

/** Waits for what is pulled again first, as after a lost session. */
window.flows = async (numbers, options) => {
  while (!numbers.every(midOf)) await new Promise((resolve) => setTimeout(resolve, 50));
  return await flows(session.peerConnection, numbers.map(midOf), options);
};
window.becomes = async (number, width) =>
  await becomes(session.peerConnection, midOf(number), width);
window.connectionState = () => session.peerConnection.connectionState;
window.calls = () => partyTracks.history.entries;
window.ready = true;
