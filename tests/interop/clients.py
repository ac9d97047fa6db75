"""Running clients that other projects wrote, and waiting for what they say."""

import asyncio
import contextlib
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

INTEROP = Path(__file__).parent
BUILD = INTEROP.parents[1] / "build" / "foreign"
TOOLS = BUILD / "venv" / "bin"
PYTHON = str(TOOLS / "python")
NODE_MODULES = INTEROP / "node" / "node_modules"


def foreign(name: str) -> list[str]:
    """The command of a script of ``foreign/``, in the foreign clients' environment."""
    return [PYTHON, str(INTEROP / "foreign" / name)]


class ClientFailed(Exception):
    """A client ended with an error, or without saying what was waited for."""


class Client:
    """A client that runs: what it printed so far, line by line, both streams apart."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._said = asyncio.Condition()
        self.out: list[str] = []
        self.err: list[str] = []
        assert process.stdout
        assert process.stderr
        self._readers = [
            asyncio.create_task(self._read(process.stdout, self.out)),
            asyncio.create_task(self._read(process.stderr, self.err)),
        ]

    async def _read(self, stream: asyncio.StreamReader, lines: list[str]) -> None:
        while line := await stream.readline():
            async with self._said:
                lines.append(line.decode(errors="replace").rstrip("\n"))
                self._said.notify_all()

    async def says(self, text: str, *, timeout: float = 10) -> None:
        """Returns once a line that holds ``text`` was printed."""
        try:
            async with asyncio.timeout(timeout), self._said:
                await self._said.wait_for(
                    lambda: any(text in line for line in (*self.out, *self.err))
                )
        except TimeoutError:
            raise ClientFailed(f"did not say {text!r}\n{self.transcript()}") from None

    async def finishes(self, *, timeout: float = 20) -> list[str]:
        """Closes its standard input, waits for its end, and returns its standard output."""
        try:
            async with asyncio.timeout(timeout):
                assert self._process.stdin
                with contextlib.suppress(ConnectionError):
                    self._process.stdin.close()
                    await self._process.stdin.wait_closed()
                await asyncio.wait(self._readers)
                code = await self._process.wait()
        except TimeoutError:
            raise ClientFailed(f"did not end\n{self.transcript()}") from None
        if code:
            raise ClientFailed(f"exit code {code}\n{self.transcript()}")
        return self.out

    async def stop(self) -> None:
        if self._process.returncode is None:
            self._process.terminate()
            try:
                async with asyncio.timeout(3):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        await asyncio.wait(self._readers)

    def transcript(self) -> str:
        return "\n".join(["--- stdout", *self.out[-40:], "--- stderr", *self.err[-40:]])


@asynccontextmanager
async def running(
    *command: str | Path, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Client]:
    """Starts a client; it is ended at the latest when the block is left."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environment, limit=1 << 20
    )
    client = Client(process)
    try:
        yield client
    finally:
        await client.stop()
