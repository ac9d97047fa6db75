"""Which configuration a relay gets from what its owner sent; no I/O.

Three generations of clients spell the fallback differently (``origin_fallback.origins``,
``origin_fallback.urls``, ``upstreams.upstreams``); all are understood, and one model is kept.
"""

import ipaddress
import re
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from tidegate.errors import FallbackConflict, MoqBodyInvalid, UpstreamInvalid
from tidegate.store.relays import RelayConfig

MAX_LINGER_MS = 300_000
MAX_UPSTREAMS = 16
MAX_URL_BYTES = 2048

_Fallback = tuple[bool, tuple[str, ...]]
_HOST = re.compile(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]")
_VISIBLE = re.compile(r"[\x21-\x7e]+")


def merged(stored: RelayConfig, sent: object, *, private_addresses: bool) -> RelayConfig:
    """``stored`` with each sub-object that was sent in place of its own.

    Args:
        sent: the body's ``config``; None and ``{}`` change nothing.
        private_addresses: whether upstream URLs may name private and loopback addresses.

    Raises:
        MoqBodyInvalid: a member has the wrong type or is out of range, or two spellings disagree.
        UpstreamInvalid: an upstream cannot be dialled.
        FallbackConflict: lingering subscribe and fallback would both be on.
    """
    if sent is None:
        return stored
    config = _object(sent, "/config")
    linger = config.get("lingering_subscribe")
    after = stored
    if linger is not None:
        after = replace(after, **_linger(_object(linger, "/config/lingering_subscribe")))
    fallback = _fallback(config, stored)
    if fallback is not None:
        enabled, urls = fallback
        for index, url in enumerate(urls):
            _check_upstream(url, index, private_addresses=private_addresses)
        after = replace(after, fallback_enabled=enabled, upstream_urls=urls)
    if after.linger_enabled and after.fallback_enabled:
        # The newest clients know no lingering, so they cannot turn it off.
        if config.get("upstreams") is None or linger is not None:
            raise FallbackConflict
        after = replace(after, linger_enabled=False)
    return after


def _linger(linger: dict[str, Any]) -> dict[str, Any]:
    defaults = RelayConfig()
    ceiling = linger.get("max_timeout_ms", defaults.linger_max_ms)
    where = "/config/lingering_subscribe/max_timeout_ms"
    if isinstance(ceiling, float) and ceiling.is_integer():
        ceiling = int(ceiling)
    if not isinstance(ceiling, int) or isinstance(ceiling, bool):
        raise MoqBodyInvalid("max_timeout_ms must be an integer.", pointer=where)
    if not 0 <= ceiling <= MAX_LINGER_MS:
        raise MoqBodyInvalid(f"max_timeout_ms must be 0 to {MAX_LINGER_MS}.", pointer=where)
    enabled = _enabled(linger, "/config/lingering_subscribe", default=defaults.linger_enabled)
    return {"linger_enabled": enabled, "linger_max_ms": ceiling}


def _fallback(config: dict[str, Any], stored: RelayConfig) -> _Fallback | None:
    """What the body says of the fallback; None when it says nothing."""
    spellings = []
    if config.get("origin_fallback") is not None:
        where = "/config/origin_fallback"
        sent = _object(config["origin_fallback"], where)
        if sent.get("origins") is None and sent.get("urls") is not None:
            urls = tuple(_strings(sent["urls"], f"{where}/urls"))
        else:
            urls = _entries(sent.get("origins"), f"{where}/origins")
        spellings.append((_enabled(sent, where, default=False), urls))
    if config.get("upstreams") is not None:
        where = "/config/upstreams"
        sent = _object(config["upstreams"], where)
        urls = _entries(sent.get("upstreams"), f"{where}/upstreams")
        spellings.append((_enabled(sent, where, default=False), urls))
    if len(set(spellings)) < 2:
        return spellings[0] if spellings else None
    # A client that read both, changed one and sent both back means the one that it changed.
    changed = [s for s in spellings if s != (stored.fallback_enabled, stored.upstream_urls)]
    if len(changed) != 1:
        raise MoqBodyInvalid(
            "origin_fallback and upstreams say different things.", pointer="/config"
        )
    return changed[0]


def _entries(sent: object, where: str) -> tuple[str, ...]:
    urls = []
    for index, entry in enumerate(_list(sent, where)):
        url = _object(entry, f"{where}/{index}").get("url")
        if not isinstance(url, str):
            raise UpstreamInvalid("An upstream needs a url.", pointer=f"{where}/{index}/url")
        urls.append(url)
    return tuple(urls)


def _strings(sent: object, where: str) -> list[str]:
    urls = _list(sent, where)
    if not all(isinstance(url, str) for url in urls):
        raise MoqBodyInvalid("Expected an array of strings.", pointer=where)
    return urls


def _check_upstream(url: str, index: int, *, private_addresses: bool) -> None:
    problem = _upstream_problem(url, private_addresses=private_addresses)
    if index >= MAX_UPSTREAMS:
        problem = f"there are more than {MAX_UPSTREAMS}"
    if problem:
        raise UpstreamInvalid(f"Upstream {index + 1} cannot be used: {problem}.")


def _upstream_problem(url: str, *, private_addresses: bool) -> str | None:
    if len(url) > MAX_URL_BYTES:
        return f"its URL has more than {MAX_URL_BYTES} bytes"
    if not _VISIBLE.fullmatch(url):
        return "its URL has characters that must be percent-encoded"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "its URL cannot be read"
    if parts.scheme not in {"moqt", "https"}:
        return "its URL is neither moqt:// nor https://"
    if "#" in url:
        return "its URL has a fragment"
    if "@" in parts.netloc:
        return "its URL has a user name"
    host = parts.netloc.removesuffix(f":{port}") if port is not None else parts.netloc
    if not _HOST.fullmatch(host.removesuffix(":")) or port == 0:
        return "its URL has no host or port that can be dialled"
    if not private_addresses and _is_private(parts.hostname or ""):
        return "its address is private"
    return None


def _is_private(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _enabled(sent: dict[str, Any], where: str, *, default: bool) -> bool:
    enabled = sent.get("enabled", default)
    if not isinstance(enabled, bool):
        raise MoqBodyInvalid("enabled must be true or false.", pointer=f"{where}/enabled")
    return enabled


def _object(sent: object, where: str) -> dict[str, Any]:
    if not isinstance(sent, dict):
        raise MoqBodyInvalid("Expected an object.", pointer=where)
    return sent


def _list(sent: object, where: str) -> list[Any]:
    if sent is None:
        return []
    if not isinstance(sent, list):
        raise MoqBodyInvalid("Expected an array.", pointer=where)
    return sent
