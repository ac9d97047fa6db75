"""The server of a video call: it makes an app, keeps its secret, and knows who is in the room.

python examples/call/serve.py [PORT]
"""

import json
import os
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
from cloudflare import Cloudflare

account = os.environ["CLOUDFLARE_ACCOUNT_ID"]
app = Cloudflare().calls.sfu.create(account_id=account, name="call")
assert app is not None
url = f"{os.environ['SFU_URL']}/apps/{app.uid}"
sfu = httpx.Client(base_url=url, headers={"authorization": f"Bearer {app.secret}"}, timeout=30)
room: list[str] = []


class Handler(SimpleHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"] or 0))
        if self.path == "/room":
            room.append(json.loads(body))
        elif self.path == "/left":
            room.remove(json.loads(body))
        else:
            return self.answer(sfu.request(self.command, self.path, content=body).content)
        return self.answer(json.dumps(room).encode())

    do_PUT = do_POST

    def do_GET(self) -> None:
        if self.path == "/room":
            return self.answer(json.dumps(room).encode())
        return super().do_GET()

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)


port = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
page = partial(Handler, directory=str(Path(__file__).parent))
ThreadingHTTPServer(("127.0.0.1", port), page).serve_forever()
