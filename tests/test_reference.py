"""The reference forgets no route, no error code and no command."""

import re
from collections.abc import Iterator
from pathlib import Path

from tidegate import errors
from tidegate.api.app import build_app
from tidegate.api.services import Services
from tidegate.cli import app
from tidegate.config import Config
from tidegate.errors import RequestError
from tidegate.store.directory import Directory
from tidegate.store.sealing import Sealer

ACCOUNT = "/client/v4/accounts/{account_id:str}"
REFERENCE = Path(__file__).parent.parent / "docs" / "reference"


def refusals(kind: type[RequestError] = RequestError) -> Iterator[type[RequestError]]:
    for sub in kind.__subclasses__():
        yield sub
        yield from refusals(sub)


def test_every_error_code_has_a_row() -> None:
    rows = set(re.findall(r"^\| (\d+) \| (\d+) \|", (REFERENCE / "api.md").read_text(), re.M))
    raised = {(str(kind.code), str(kind.status)) for kind in refusals()}
    assert rows - raised == {("10001", "500"), ("21006", "500")}
    assert raised <= rows


def test_every_error_is_of_the_one_tree() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    assert all(
        issubclass(kind, errors.TidegateError)
        for kind in kinds
        if kind.__module__ == errors.__name__
    )


def test_every_route_is_named(tmp_path: Path) -> None:
    page = (REFERENCE / "api.md").read_text()
    services = Services(
        config=Config(),
        store=None,  # type: ignore[arg-type]  # no call is made
        directory=Directory(),
        watch=None,  # type: ignore[arg-type]
        sealer=Sealer.of("", tmp_path),
        connected=lambda _: False,
        certificate_sha256=lambda: None,
    )
    for route in build_app(services).routes:
        assert route.path.removeprefix(ACCOUNT).replace(":str}", "}") in page


def test_every_command_is_named() -> None:
    page = (REFERENCE / "cli.md").read_text()
    for name in app:
        if not name.startswith("-"):
            assert f"tidegate {name}" in page
    for name in app["token"]:
        if not name.startswith("-"):
            assert f"| `{name}" in page
