// Provisions a relay with Cloudflare's SDK for TypeScript and hands out what a publisher and a viewer need.
//
//     node examples/provision.mjs
//
// Reads CLOUDFLARE_BASE_URL (…/client/v4), CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID.
import Cloudflare from "cloudflare";

const client = new Cloudflare();
const account_id = process.env.CLOUDFLARE_ACCOUNT_ID;

const relay = await client.moq.relays.create({ account_id, name: "studio" });
console.log("publisher:", relay.token_publish_subscribe);
console.log("viewer:", relay.token_subscribe);

// A viewer that comes before its publisher waits, here for up to a minute.
await client.moq.relays.update(relay.uid, {
	account_id,
	config: { lingering_subscribe: { enabled: true, max_timeout_ms: 60_000 } },
});

// A token that got out is replaced: the old one opens nothing from now on.
const rotated = await client.moq.relays.tokens.rotate(relay.uid, { account_id, type: "subscribe" });
console.log("viewer, from now on:", rotated.token);
