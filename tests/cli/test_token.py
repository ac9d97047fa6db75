"""``tidegate token``: beside a server or without one, on the same data directory."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection
from tidegate.cli import main
from tidegate.store import accounts, api_tokens, signing_keys
from tidegate.store.api_tokens import ApiToken, Permission
from tidegate.store.bootstrap import Bootstrap, bootstrap, mark_shown
from tidegate.store.clock import micros
from tidegate.store.database import Store
from tidegate.store.sealing import Sealer

T = TypeVar("T")


class Terminal:
    """Calls the command line on one data directory, as a script would."""

    def __init__(self, data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.data_dir = data_dir
        self._capsys = capsys

    def run(self, *words: str) -> str:
        """What a command that succeeds prints."""
        self._call(*words)
        out, err = self._capsys.readouterr()
        assert err == ""
        return out

    def fail(self, *words: str) -> str:
        """The one line of a command that fails, with status 2."""
        with pytest.raises(SystemExit) as ended:
            self._call(*words)
        out, err = self._capsys.readouterr()
        assert (ended.value.code, out, err.count("\n")) == (2, "", 1)
        return err

    def _call(self, *words: str) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TIDEGATE_DATA_DIR", str(self.data_dir))
            main(words)

    def in_store(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        async def opened() -> T:
            store = await Store.open("", self.data_dir)
            async with store.writing() as db:
                result = await work(db)
            await store.close()
            return result

        return asyncio.run(opened())

    def who(self, secret: str) -> ApiToken | None:
        return self.in_store(lambda db: api_tokens.authenticate(db, secret.strip(), now=micros()))


@pytest.fixture
def terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(tmp_path, capsys)


@pytest.fixture
def account(terminal: Terminal) -> str:
    """The data directory of a server that was started once."""

    async def start() -> Bootstrap:
        store = await Store.open("", terminal.data_dir)
        sealer = Sealer.of("", terminal.data_dir)
        made = await bootstrap(store, sealer, account_id="", api_token="", now=micros())
        await mark_shown(store, made)
        await store.close()
        return made

    return asyncio.run(start()).account_id


def test_a_new_token_is_printed_alone_for_a_script(terminal: Terminal, account: str) -> None:
    secret = terminal.run("token", "create", "deploy")
    assert secret.count("\n") == 1
    token = terminal.who(secret)
    assert token is not None
    assert token.name == "deploy"
    assert token.grants == {account: {Permission.ADMIN}}


def test_a_token_may_be_given_less_and_for_a_time(terminal: Terminal, account: str) -> None:
    words = ["--permission", "moq-read", "--permission", "calls-write", "--days", "2"]
    token = terminal.who(terminal.run("token", "create", "viewer", *words, "--account", account))
    assert token is not None
    assert token.grants == {account: {Permission.MOQ_READ, Permission.CALLS_WRITE}}
    assert token.expires is not None
    assert token.expires - token.created == 2 * 24 * 3600 * 1_000_000


def test_tokens_are_listed_and_revoked_by_their_id(terminal: Terminal, account: str) -> None:
    secret = terminal.run("token", "create", "deploy", "--permission", "moq-write")
    first, second = terminal.run("token", "list").splitlines()
    assert first.split("\t")[1:4] == ["bootstrap", account, "admin"]
    id, name, _, permissions, _, expires = second.split("\t")
    assert (name, permissions, expires) == ("deploy", "MoQ Write", "never")
    assert secret.strip() not in second
    assert terminal.run("token", "revoke", id) == ""
    assert terminal.who(secret) is None
    assert "no API token with the id" in terminal.fail("token", "revoke", id)


def test_a_rotated_key_signs_and_the_old_one_still_verifies(
    terminal: Terminal, account: str
) -> None:
    assert terminal.run("token", "rotate-key") == "new relay tokens are signed with moq-v2\n"
    assert set(terminal.in_store(signing_keys.verification_keys)) == {"moq-v1", "moq-v2"}
    terminal.run("token", "rotate-key", "--retire-others")
    assert set(terminal.in_store(signing_keys.verification_keys)) == {"moq-v3"}


def test_several_accounts_must_be_told_apart(terminal: Terminal, account: str) -> None:
    terminal.in_store(lambda db: accounts.create(db, "second", now=micros()))
    assert "there are 2 accounts: name one" in terminal.fail("token", "create", "x")
    assert "there is no account nobody" in terminal.fail(
        "token", "create", "x", "--account", "nobody"
    )


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["token", "create"], "requires an argument"),
        (["token", "create", "x", "--permission", "all"], "Invalid value"),
        (["token", "create", "x", "--days", "0"], "Must be >= 1"),
        (["token", "burn"], "Unknown command"),
        (["nonsense"], "Unknown command"),
    ],
)
def test_a_mistyped_command_is_one_line(terminal: Terminal, words: list[str], problem: str) -> None:
    assert problem in terminal.fail(*words)


def test_a_directory_without_a_server_is_one_line(terminal: Terminal, tmp_path: Path) -> None:
    terminal.data_dir = tmp_path / "none"
    assert "no server has used it yet" in terminal.fail("token", "list")
    terminal.data_dir = tmp_path
    assert "there are 0 accounts" in terminal.fail("token", "create", "x")
