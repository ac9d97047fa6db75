"""The reference forgets no route, no error code and no command."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from tidegate import errors
from tidegate.api.app import build_app
from tidegate.api.realtime.app import realtime_app
from tidegate.api.realtime.operations import Media
from tidegate.api.services import Services
from tidegate.cli import app
from tidegate.config import Config
from tidegate.errors import CallsError, RequestError, TidegateError
from tidegate.store.directory import Directory
from tidegate.store.sealing import Sealer

from tests.fake_calls import FakeCalls

ACCOUNT = "/client/v4/accounts/{account_id:str}"
REFERENCE = Path(__file__).parent.parent / "docs" / "reference"


E = TypeVar("E", bound=TidegateError)


def kinds_of(kind: type[E]) -> Iterator[type[E]]:
    for sub in kind.__subclasses__():
        yield sub
        yield from kinds_of(sub)


def services(data_dir: Path) -> Services:
    return Services(
        config=Config(),
        store=None,  # type: ignore[arg-type]  # no call is made
        directory=Directory(),
        watch=None,  # type: ignore[arg-type]
        sealer=Sealer.of("", data_dir),
        connected=lambda _: False,
        media=Media(FakeCalls(), lambda _: None),
        certificate_sha256=lambda: None,
    )


def test_every_error_code_has_a_row() -> None:
    rows = set(re.findall(r"^\| (\d+) \| (\d+) \|", (REFERENCE / "api.md").read_text(), re.M))
    raised = {(str(kind.code), str(kind.status)) for kind in kinds_of(RequestError)}
    assert rows - raised == {("10001", "500"), ("21006", "500")}
    assert raised <= rows


def test_every_failure_of_the_sfu_has_a_row() -> None:
    page = (REFERENCE / "realtime.md").read_text()
    rows = set(re.findall(r"^\| `(\w+)` \| (\d+) \|", page, re.M))
    assert rows == {(kind.code, str(kind.status)) for kind in kinds_of(CallsError)}


def test_every_error_is_of_the_one_tree() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    assert all(
        issubclass(kind, errors.TidegateError)
        for kind in kinds
        if kind.__module__ == errors.__name__
    )


def test_every_route_is_named(tmp_path: Path) -> None:
    page = (REFERENCE / "api.md").read_text()
    for route in build_app(services(tmp_path)).routes:
        assert route.path.removeprefix(ACCOUNT).replace(":str}", "}") in page


def test_every_route_of_the_sfu_is_named(tmp_path: Path) -> None:
    page = (REFERENCE / "realtime.md").read_text()
    for route in realtime_app(services(tmp_path)).routes:
        path = route.path.removeprefix("/{app_id:str}").replace("session_id:str", "sessionId")
        assert f" {path}`" in page


def test_every_command_is_named() -> None:
    page = (REFERENCE / "cli.md").read_text()
    for name in app:
        if not name.startswith("-"):
            assert f"tidegate {name}" in page
    for name in app["token"]:
        if not name.startswith("-"):
            assert f"| `{name}" in page
