"""Scripts that run to their end and print one thing."""

import asyncio
from asyncio.subprocess import PIPE
from collections.abc import Mapping, Sequence


async def output_of(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """What the command printed; a failure shows what it complained of."""
    process = await asyncio.create_subprocess_exec(
        *command, env=dict(environment), stdout=PIPE, stderr=PIPE
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()
