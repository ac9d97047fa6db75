// @moq/net in a browser: publishes a track, or reads one, and says what the frames hold.
import * as Moq from "@moq/net";

async function sha256(bytes) {
	const digest = await crypto.subtle.digest("SHA-256", bytes);
	return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// `protocols` decides the draft: ["moqt-16"], or [] for the drafts that are agreed on in SETUP (14).
async function connect(url, certificate, protocols) {
	const connection = await Moq.Connection.connect(new URL(url), {
		webtransport: { serverCertificateHashes: [{ value: certificate }], protocols },
		websocket: { enabled: false },
	});
	return { connection, version: connection.version };
}

const open = {};

// Announces `path` and serves one track of it: `groups` groups of `frames` frames of `size` bytes,
// once somebody subscribes. `published()` then holds "group frame sha256" for each.
window.publish = async (url, certificate, protocols, path, name, { groups, frames, size }) => {
	const { connection, version } = await connect(url, certificate, protocols);
	const broadcast = new Moq.Broadcast.Producer();
	connection.publish(Moq.Path.from(path), broadcast);
	open.published = (async () => {
		const request = await broadcast.requested();
		if (request.name !== name) throw new Error(`asked for ${request.name}`);
		const track = request.accept();
		const lines = [];
		for (let sequence = 0; sequence < groups; sequence++) {
			const group = track.appendGroup();
			for (let frame = 0; frame < frames; frame++) {
				const payload = crypto.getRandomValues(new Uint8Array(size));
				group.writeFrame({ payload, timestamp: Moq.Time.Timestamp.now() });
				lines.push(`${group.sequence} ${frame} ${await sha256(payload)}`);
				await new Promise((resolve) => setTimeout(resolve, 20));
			}
			group.close();
		}
		track.close();
		return lines;
	})();
	return version;
};

window.published = () => open.published;

// Waits until `path` is announced, reads one track of it to its end, and returns
// "group frame sha256" for each frame.
window.subscribe = async (url, certificate, protocols, path, name, { groups }) => {
	const { connection } = await connect(url, certificate, protocols);
	const announced = connection.announced(Moq.Path.from(""));
	for (;;) {
		const event = await announced.next();
		if (!event) throw new Error("the relay stopped announcing");
		if (event.path === path && event.active) break;
	}
	const track = connection.consume(Moq.Path.from(path)).subscribe(name);
	const lines = [];
	for (let count = 0; count < groups; count++) {
		const group = await track.nextGroup();
		if (!group) break;
		for (let frame = 0; ; frame++) {
			const got = await group.readFrame();
			if (!got) break;
			lines.push(`${group.sequence} ${frame} ${await sha256(got.payload)}`);
		}
	}
	connection.close();
	return lines;
};

window.ready = true;
