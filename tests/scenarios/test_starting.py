"""Starting: what a server needs, what it leaves for others to read, and how it says no."""

import json
import socket
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from tidegate.addresses import has_ipv6

from tests.scenarios.peer import PeerClosed, Peers, eventually
from tests.server import SERVE, launched, running_server

READY_KEYS = {
    "api",
    "sfu",
    "moq",
    "webtransport",
    "account_id",
    "api_token",
    "certificate_sha256",
    "pid",
}


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def refusal(directory: Path, settings: Mapping[str, str]) -> str:
    """The one line that a server ends with, which is all that it says."""
    with launched(directory, settings) as started:
        assert started.process.wait(20) == 2
        said = started.log.read_text().splitlines()
    assert len(said) == 1, said
    assert not started.ready.exists()
    return said[0]


async def test_a_first_start_makes_an_account_and_a_later_one_keeps_it(tmp_path: Path) -> None:
    with running_server(tmp_path) as first:
        token = first.api_token
        relay = first.create_relay("kept")
        assert token
        assert set(json.loads((tmp_path / "ready.json").read_text())) == READY_KEYS
        assert mode(tmp_path / "ready.json") == 0o600
        assert mode(tmp_path / "data") == 0o700
        assert mode(tmp_path / "data" / "api-token") == 0o600
        assert (tmp_path / "data" / "api-token").read_text().strip() == token
        await eventually(lambda: first.moq in first.log.read_text(), 5)
        shown = first.log.read_text()
        assert token not in shown
        assert str(tmp_path / "data" / "api-token") in shown
        assert not first.moq.endswith(":0")
    assert not (tmp_path / "ready.json").exists()

    with running_server(tmp_path, {"TIDEGATE_LOG": "debug"}) as second:
        assert second.account_id == first.account_id
        assert second.api_token is None
        assert second.certificate_sha256 == first.certificate_sha256
        with first.cloudflare().with_options(base_url=second.api) as client:
            assert [each.uid for each in client.moq.relays.list(account_id=second.account_id)] == [
                relay.uid
            ]


def test_it_starts_without_a_setting_but_ports(tmp_path: Path) -> None:
    """The ports alone are given: this machine's 8080 and 4443 may be somebody's."""
    ready = tmp_path / "ready.json"
    settings = {"TIDEGATE_READY_FILE": str(ready), "PATH": "/usr/bin:/bin"}
    ports = {"TIDEGATE_HTTP": "127.0.0.1:0", "TIDEGATE_UDP": "127.0.0.1:0"}
    with subprocess.Popen(
        SERVE, cwd=tmp_path, env=settings | ports, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "moqt://" in line:
                break
        process.terminate()
        assert process.wait(10) == 0
    assert (tmp_path / "data" / "tidegate.sqlite3").exists()


def test_account_and_token_can_be_fixed(tmp_path: Path) -> None:
    fixed = {"TIDEGATE_ACCOUNT_ID": "a" * 32, "TIDEGATE_API_TOKEN": "t" * 40}
    for _ in range(2):
        with running_server(tmp_path, fixed) as server:
            assert (server.account_id, server.api_token) == ("a" * 32, "t" * 40)
            server.create_relay()


@pytest.mark.parametrize(
    ("kind", "name", "protocol"),
    [(socket.SOCK_STREAM, "TIDEGATE_HTTP", "TCP"), (socket.SOCK_DGRAM, "TIDEGATE_UDP", "UDP")],
    ids=["tcp", "udp"],
)
def test_a_port_in_use_is_one_line(
    tmp_path: Path, kind: socket.SocketKind, name: str, protocol: str
) -> None:
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind is socket.SOCK_STREAM:
            taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        said = refusal(tmp_path, {name: address})
    assert protocol in said
    assert address in said
    assert "in use" in said


@pytest.mark.parametrize("host", ["127.0.0.1", "[::]"])
def test_a_second_server_cannot_share_the_udp_port(tmp_path: Path, host: str) -> None:
    """Shards share a port by SO_REUSEPORT, which would let in any process of the same user."""
    if host == "[::]" and not has_ipv6():
        pytest.skip("IPv6 is off")
    with running_server(tmp_path / "first", {"TIDEGATE_UDP": f"{host}:0"}) as first:
        port = first.moq.rpartition(":")[2].rstrip("/")
        address = f"{host}:{port}"
        said = refusal(tmp_path / "second", {"TIDEGATE_UDP": address})
    assert address in said
    assert "in use" in said


def test_a_data_directory_in_use_is_one_line(tmp_path: Path) -> None:
    with running_server(tmp_path / "first"):
        data = tmp_path / "first" / "data"
        said = refusal(tmp_path / "second", {"TIDEGATE_DATA_DIR": str(data)})
    assert f"{data}: another server is using it" in said


def test_a_database_that_is_none_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    database = tmp_path / "data" / "tidegate.sqlite3"
    database.write_bytes(b"this is no database, whatever its name says" * 100)
    said = refusal(tmp_path, {})
    assert str(database) in said


def test_a_database_that_nobody_serves_is_one_line(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        url = f"postgresql://tidegate:hush@127.0.0.1:{port}/tidegate"
        said = refusal(tmp_path, {"TIDEGATE_DATABASE_URL": url})
    assert f"127.0.0.1:{port}" in said
    assert "hush" not in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TIDEGATE_HTTP", "nowhere"),
        ("TIDEGATE_UDP", "127.0.0.1:70000"),
        ("TIDEGATE_UDP", "no.such.host.invalid:4443"),
        ("TIDEGATE_SHARDS", "-1"),
        ("TIDEGATE_LOG", "loud"),
        ("TIDEGATE_ACCOUNT_ID", "a/b"),
        ("TIDEGATE_API_TOKEN", "short"),
        ("TIDEGATE_MOQ_COMPAT", "both"),
        ("TIDEGATE_READY_FILE", "/no/such/directory/ready.json"),
        ("TIDEGATE_DATA_DIR", "/dev/null"),
    ],
)
def test_a_bad_setting_is_one_line(tmp_path: Path, name: str, value: str) -> None:
    said = refusal(tmp_path, {name: value})
    assert name in said or value in said


def test_a_certificate_without_its_key_is_one_line(tmp_path: Path) -> None:
    assert "TIDEGATE_TLS_KEY" in refusal(tmp_path, {"TIDEGATE_TLS_CERT": "/no/such/file.pem"})
    both = {"TIDEGATE_TLS_CERT": "/no/such/file.pem", "TIDEGATE_TLS_KEY": "/no/such/key.pem"}
    assert "/no/such/file.pem" in refusal(tmp_path / "both", both)


def test_an_unknown_flag_is_one_line(tmp_path: Path) -> None:
    ended = subprocess.run(
        [*SERVE, "--hast"], cwd=tmp_path, capture_output=True, text=True, timeout=20
    )
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert "--hast" in ended.stderr


async def test_quic_shows_the_certificate_that_http_tells(tmp_path: Path, peers: Peers) -> None:
    with running_server(tmp_path) as server:
        relay = server.create_relay()
        for url in (relay.moqt_url(), relay.webtransport_url()):
            peer = await peers.connect(url, certificate_sha256=server.certificate_sha256)
            assert peer.connected
        stranger = peers.dial(relay.moqt_url(), certificate_sha256="00" * 32)
        with pytest.raises(PeerClosed, match=r"^None: "):
            await stranger.until(lambda: stranger.connected)


@pytest.mark.skipif(not has_ipv6(), reason="IPv6 is off")
async def test_the_wildcard_is_dual_stack(tmp_path: Path) -> None:
    with running_server(tmp_path, {"TIDEGATE_UDP": "[::]:0"}) as server:
        relay = server.create_relay()
        for host in ("127.0.0.1", "::1"):
            async with Peers.opened(host) as peers:
                await peers.enter(relay.moqt_url(), host=host)


def test_the_process_that_carries_media_is_the_one_of_the_ready_file(tmp_path: Path) -> None:
    with launched(tmp_path) as started:
        server = started.server()
        assert server.pid == started.process.pid
        threads = Path(f"/proc/{server.pid}/task").iterdir()
        names = {(thread / "comm").read_text().strip() for thread in threads}
        assert any("shard" in name for name in names), names
        assert started.stop() == 0
