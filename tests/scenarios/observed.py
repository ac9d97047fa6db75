"""A server that can be looked into and held up: ``python -m tests.scenarios.observed``.

It takes commands on its standard input, one a line, and answers in lines of JSON on its standard
output: ``stats`` gives the engine's counters and what Python holds; ``hold S`` keeps the
interpreter lock for S seconds, and says so before and after.
"""

import asyncio
import ctypes
import gc
import json
import os
import sys
import threading
from typing import Any

from tidegate import _engine, engine, server
from tidegate.certificates import Certificate
from tidegate.config import Config

_libc = ctypes.PyDLL(None)  # unlike CDLL, it calls with the interpreter lock held
_engines: list[_engine.Engine] = []
_ANSWERS = 10


def _keep_engines() -> None:
    start = engine.start

    def started(
        config: Config, certificate: Certificate, rtc_certificate: Certificate
    ) -> _engine.Engine:
        _engines.append(start(config, certificate, rtc_certificate))
        return _engines[-1]

    engine.start = started


async def _stats() -> dict[str, Any]:
    gc.collect()
    totals: dict[str, int] = {}
    shards = _engines[0].stats()
    for shard in shards:
        for name, value in shard.items():
            totals[name] = totals.get(name, 0) + value
    counters = {"engine": totals, "shards": shards}
    return {**counters, "tasks": len(asyncio.all_tasks()), "objects": len(gc.get_objects())}


def _say(told: Any) -> None:
    os.write(_ANSWERS, json.dumps(told).encode() + b"\n")


def _obey(loop: asyncio.AbstractEventLoop) -> None:
    for line in sys.stdin:
        match line.split():
            case ["stats"]:
                _say(asyncio.run_coroutine_threadsafe(_stats(), loop).result())
            case ["hold", seconds]:
                _say("held")
                _libc.sleep(int(seconds))
                _say("let go")


def _listen() -> None:
    serve = server._serve

    async def observed(config: Config) -> None:
        loop = asyncio.get_running_loop()
        threading.Thread(target=_obey, args=(loop,), daemon=True).start()
        await serve(config)

    server._serve = observed


if __name__ == "__main__":
    os.dup2(1, _ANSWERS)
    os.dup2(2, 1)  # what the server prints goes where its log goes
    _keep_engines()
    _listen()
    server.run(Config.load())
