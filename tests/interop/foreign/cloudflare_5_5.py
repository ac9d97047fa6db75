"""A relay's life with the official Python SDK 5.5.0 (`upstreams`, flat tokens), answers validated
strictly.

Reads the base URL, the API token and the account from the environment; prints what it saw as JSON.
"""

import json
import os

import cloudflare
from cloudflare import Cloudflare

assert cloudflare.__version__ == "5.5.0", cloudflare.__version__

client = Cloudflare(
    base_url=os.environ["API_URL"],
    api_token=os.environ["API_TOKEN"],
    max_retries=0,
    _strict_response_validation=True,
)
account = {"account_id": os.environ["ACCOUNT_ID"]}
relays = client.moq.relays

made = relays.create(**account, name="from 5.5.0")
rotated = {
    kind: relays.tokens.rotate(made.uid, **account, type=kind).token
    for kind in ("publish_subscribe", "subscribe")
}
lingering = relays.update(
    made.uid,
    **account,
    name="renamed",
    config={"lingering_subscribe": {"enabled": True, "max_timeout_ms": 1000}},
)
upstreams = relays.update(
    made.uid,
    **account,
    config={"upstreams": {"enabled": True, "upstreams": [{"url": "moqt://origin.example:443"}]}},
)
both = {
    "lingering_subscribe": {"enabled": True, "max_timeout_ms": 1000},
    "upstreams": {"enabled": True, "upstreams": []},
}
try:
    relays.update(made.uid, **account, config=both)
except cloudflare.BadRequestError as error:
    conflict = error.errors[0].code

second = relays.create(**account, name="second")
page = relays.list(**account, created_after=made.created, asc=True, per_page=10)
shown = relays.get(made.uid, **account)
relays.delete(second.uid, **account)
try:
    relays.get(second.uid, **account)
except cloudflare.NotFoundError as error:
    gone = error.errors[0].code

print(
    json.dumps(
        {
            "made": json.loads(made.to_json()),
            "rotated": rotated,
            "lingering": json.loads(lingering.to_json()),
            "upstreams": json.loads(upstreams.to_json()),
            "shown": json.loads(shown.to_json()),
            "page": [relay.name for relay in page],
            "conflict": conflict,
            "gone": gone,
        }
    )
)
