"""Thousands of calls made up from our own OpenAPI document, good ones and bad ones."""

import asyncio
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import pytest

from tests.control_plane import ACCOUNT, API_TOKEN, Api

# All but `positive_data_acceptance`: that an expiry lies in the future, or that two keys exclude
# each
# other, no schema can say.
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "ignored_auth",
    "unsupported_method",
]


@pytest.mark.slow
async def test_any_call_is_answered_as_documented_and_in_the_envelope(
    api: Api, store_url: str, tmp_path: Path
) -> None:
    """Every documented answer is an envelope, and none but documented ones may come: no 5xx."""
    examples = 100 if store_url.startswith("sqlite") else 30
    settings = tmp_path / "schemathesis.toml"
    settings.write_text(f'[parameters]\n"path.account_id" = "{ACCOUNT}"\n')
    process = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(settings)),
        *("run", f"{api.url}/api/openapi.json", "--header", f"Authorization: Bearer {API_TOKEN}"),
        *("--checks", ",".join(CHECKS), "--max-examples", str(examples), "--max-failures", "5"),
        *("--generation-deterministic", "--no-color"),
        cwd=tmp_path,
        stdout=PIPE,
        stderr=STDOUT,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
