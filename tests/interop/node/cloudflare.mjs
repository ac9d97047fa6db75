// A relay's life, and an app's, with the official SDK for TypeScript 7.0.0 (`origin_fallback`, flat tokens).
//
// Reads the base URL, the API token and the account from the environment; prints what it saw as JSON.
import Cloudflare from "cloudflare";

const client = new Cloudflare({
	baseURL: process.env.API_URL,
	apiToken: process.env.API_TOKEN,
	maxRetries: 0,
});
const account_id = process.env.ACCOUNT_ID;
const { relays } = client.moq;

async function refusal(call) {
	try {
		await call;
	} catch (error) {
		return { class: error.constructor.name, status: error.status, code: error.errors[0].code };
	}
	return null;
}

const made = await relays.create({ account_id, name: "from node" });
const lingering = await relays.update(made.uid, {
	account_id,
	config: { lingering_subscribe: { enabled: false, max_timeout_ms: 0 } },
});
const fallback = await relays.update(made.uid, {
	account_id,
	config: {
		origin_fallback: { enabled: true, origins: [{ url: "https://origin.example/live" }] },
	},
});
const conflict = await refusal(
	relays.update(made.uid, {
		account_id,
		config: { lingering_subscribe: { enabled: true, max_timeout_ms: 1000 } },
	}),
);
const rotated = {};
for (const type of ["publish_subscribe", "subscribe"]) {
	rotated[type] = await relays.tokens.rotate(made.uid, { account_id, type });
}
const second = await relays.create({ account_id, name: "second" });
const pages = {
	after: (await relays.list({ account_id, created_after: made.created, asc: true })).result,
	before: (await relays.list({ account_id, created_before: second.created })).result,
	one: (await relays.list({ account_id, per_page: 1 })).result,
};
const shown = await relays.get(made.uid, { account_id });
const deleted = await relays.delete(second.uid, { account_id });
const gone = await refusal(relays.get(second.uid, { account_id }));

const app = await client.calls.sfu.create({ account_id, name: "app" });
const key = await client.calls.turn.create({ account_id, name: "key" });
await client.calls.sfu.update(app.uid, { account_id, name: "renamed" });
const calls = {
	app,
	key,
	apps: (await client.calls.sfu.list({ account_id })).result,
	keys: (await client.calls.turn.list({ account_id })).result,
	deleted: await client.calls.sfu.delete(app.uid, { account_id }),
};

console.log(
	JSON.stringify({
		made,
		lingering,
		fallback,
		conflict,
		rotated,
		pages,
		shown,
		deleted,
		gone,
		calls,
	}),
);
