"""Which configuration a relay gets, whatever generation of client asks."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tidegate.api.relay_config import merged
from tidegate.errors import FallbackConflict, MoqBodyInvalid, RequestError, UpstreamInvalid
from tidegate.store.relays import RelayConfig

A, B = "moqt://a.example", "https://b.example:443/live?x=1"
FRESH = RelayConfig()
QUIET = RelayConfig(linger_enabled=False)
WITH_A = RelayConfig(False, 30_000, True, (A,))


def put(sent: Any, stored: RelayConfig = QUIET, *, private_addresses: bool = True) -> RelayConfig:
    return merged(stored, sent, private_addresses=private_addresses)


def fallback(*urls: str, enabled: bool = True) -> dict[str, Any]:
    """Generation B."""
    return {"origin_fallback": {"enabled": enabled, "origins": [{"url": url} for url in urls]}}


def upstreams(*urls: str, enabled: bool = True) -> dict[str, Any]:
    """Generations C and D."""
    return {"upstreams": {"enabled": enabled, "upstreams": [{"url": url} for url in urls]}}


@pytest.mark.parametrize("sent", [None, {}, {"upstreams": None}, {"something": "else"}])
def test_what_is_not_sent_stays(sent: Any) -> None:
    assert put(sent, FRESH) == FRESH
    assert put(sent, WITH_A) == WITH_A


@pytest.mark.parametrize(
    "sent",
    [
        fallback(A, B),
        upstreams(A, B),
        {"origin_fallback": {"enabled": True, "urls": [A, B]}},
        fallback(A, B) | upstreams(A, B),
    ],
    ids=["B", "C and D", "A", "mirrored"],
)
def test_every_generation_spells_the_fallback(sent: Any) -> None:
    assert put(sent) == RelayConfig(False, 30_000, True, (A, B))


def test_a_sub_object_replaces_the_stored_one_as_a_whole() -> None:
    assert put({"upstreams": {"enabled": False}}, WITH_A).upstream_urls == ()
    assert put({"upstreams": {"upstreams": [{"url": B}]}}, WITH_A).fallback_enabled is False
    sent = {"lingering_subscribe": {"enabled": False}}
    assert put(sent, RelayConfig(True, 5)) == RelayConfig(False, 30_000)
    assert put({"lingering_subscribe": {}}, QUIET) == FRESH


@pytest.mark.parametrize("ceiling", [0, 1, 300_000, 1000.0])
def test_ceilings_in_range(ceiling: float) -> None:
    sent = {"lingering_subscribe": {"max_timeout_ms": ceiling}}
    assert put(sent).linger_max_ms == ceiling


@pytest.mark.parametrize(
    "sent",
    [
        {"lingering_subscribe": {"max_timeout_ms": -1}},
        {"lingering_subscribe": {"max_timeout_ms": 300_001}},
        {"lingering_subscribe": {"max_timeout_ms": 1.5}},
        {"lingering_subscribe": {"max_timeout_ms": True}},
        {"lingering_subscribe": {"max_timeout_ms": "30000"}},
        {"lingering_subscribe": {"max_timeout_ms": 10**40}},
        {"lingering_subscribe": {"enabled": 1}},
        {"lingering_subscribe": []},
        {"origin_fallback": "moqt://a.example"},
        {"origin_fallback": {"enabled": "yes"}},
        {"origin_fallback": {"origins": {}}},
        {"origin_fallback": {"origins": [A]}},
        {"origin_fallback": {"urls": [1]}},
        {"upstreams": {"upstreams": 5}},
        [],
        "config",
        5,
    ],
    ids=str,
)
def test_the_wrong_type_is_refused(sent: Any) -> None:
    with pytest.raises(MoqBodyInvalid):
        put(sent)


@pytest.mark.parametrize("sent", [fallback(A), {"origin_fallback": {"enabled": True}}])
def test_lingering_and_fallback_exclude_each_other(sent: Any) -> None:
    with pytest.raises(FallbackConflict):
        put(sent, FRESH)
    with pytest.raises(FallbackConflict):
        put({"lingering_subscribe": {"enabled": True}}, WITH_A)
    both = upstreams(A) | {"lingering_subscribe": {"enabled": True}}
    with pytest.raises(FallbackConflict):
        put(both)


def test_one_call_may_switch_from_one_to_the_other() -> None:
    off = {"lingering_subscribe": {"enabled": False}}
    assert put(fallback(A) | off, FRESH) == WITH_A
    on = {"lingering_subscribe": {"enabled": True}}
    assert put(fallback(enabled=False) | on, WITH_A) == FRESH


def test_the_newest_clients_switch_lingering_off_without_knowing_it() -> None:
    assert put(upstreams(A), FRESH) == WITH_A
    assert put(upstreams(A, enabled=False), FRESH) == RelayConfig(True, 30_000, False, (A,))


def test_of_two_mirrored_keys_the_one_that_was_changed_counts() -> None:
    assert put(fallback(A) | upstreams(B), WITH_A).upstream_urls == (B,)
    assert put(fallback(B) | upstreams(A), WITH_A).upstream_urls == (B,)
    with pytest.raises(MoqBodyInvalid):
        put(fallback(A) | upstreams(B), QUIET)


@pytest.mark.parametrize(
    "url",
    [
        "moqt://x",
        "MOQT://X.example:1/",
        "https://[2001:db8::1]:4443/p",
        "moqt://10.0.0.1:65535?token=x",
        "https://" + "a" * 2039,
    ],
    ids=lambda url: url[:30],
)
def test_upstreams_that_can_be_dialled(url: str) -> None:
    assert put(upstreams(url)).upstream_urls == (url,)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x.example",
        "//x.example",
        "http://x.example",
        "ftp://x.example",
        "moqt:x.example",
        "moqt://",
        "moqt:///path",
        "moqt://:443",
        "https://x.example/#part",
        "https://x.example#",
        "https://u:p@x.example",
        "https://x.example:0",
        "https://x.example:65536",
        "https://x.example:port",
        "https://[::1",
        "https://[zz]/",
        "https://x example",
        "https://x.example/\n",
        " https://x.example",
        "https://müller.example",
        "https://" + "a" * 2041,
    ],
    ids=lambda url: repr(url)[:30],
)
def test_upstreams_that_cannot(url: str) -> None:
    with pytest.raises(UpstreamInvalid):
        put(upstreams(A, url))


@pytest.mark.parametrize("entry", [{}, {"url": None}, {"url": 1}])
def test_an_upstream_without_its_url(entry: Any) -> None:
    with pytest.raises(UpstreamInvalid):
        put({"upstreams": {"upstreams": [entry]}})


def test_sixteen_upstreams_are_enough() -> None:
    put(upstreams(*[A] * 16))
    with pytest.raises(UpstreamInvalid):
        put(upstreams(*[A] * 17))


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "10.1.2.3", "localhost", "169.254.1.1"])
def test_a_deployment_may_forbid_private_addresses(host: str) -> None:
    put(upstreams(f"moqt://{host}:4443"))
    with pytest.raises(UpstreamInvalid):
        put(upstreams(f"moqt://{host}:4443"), private_addresses=False)
    put(upstreams("moqt://8.8.8.8:4443", A), private_addresses=False)


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([A, B]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["enabled", "origins", "urls", "upstreams", "url", "max_timeout_ms"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
configs = st.dictionaries(
    st.sampled_from(["lingering_subscribe", "origin_fallback", "upstreams"]), json, max_size=3
)


@given(configs | json, st.sampled_from([FRESH, QUIET, WITH_A]))
def test_any_json_is_merged_or_refused(sent: Any, stored: RelayConfig) -> None:
    try:
        after = put(sent, stored)
    except RequestError:
        return
    assert not (after.linger_enabled and after.fallback_enabled)
    assert 0 <= after.linger_max_ms <= 300_000
    assert all(url.lower().startswith(("moqt://", "https://")) for url in after.upstream_urls)
