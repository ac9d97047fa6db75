"""Writes docs/reference/calls-limits.md: what bounds an SFU client, and what it meets there."""

import re
from dataclasses import fields
from pathlib import Path

from docstring_parser import DocstringStyle
from docstring_parser import parse as parse_docstring
from tidegate import config
from tidegate.calls.limits import Limits
from tidegate.config import CallsConfig, settings

STUB = Path(config.__file__).parent / "_engine.pyi"
PAGE = Path(__file__).parent / "reference" / "calls-limits.md"

ENGINE = {
    "rtc_handshakes": (
        "DTLS handshakes under way at a time, all sessions together",
        "the handshake is not answered; clients repeat it",
    ),
    "rtc_silent_seconds": (
        "how long nothing authentic may come from a session",
        "it counts as disconnected, and can come back for `calls.reconnect_seconds`",
    ),
    "rtc_history_bytes": (
        "media kept for retransmission, all tracks together",
        "the oldest packets are not sent again",
    ),
}
"""The engine's bounds without a setting: what each bounds, and what a client meets there."""

_INTRODUCTION = """\
# Limits of an SFU client

Written by `make docs`. What has a setting is changed there ([settings](settings.md)); the rest is
fixed. With a status, a code answers the whole request; without one, it belongs to one track of the
request, and the status is 200.

## Kept by the rules of the API

| Limit | Setting | Default | Meaning |
| --- | --- | --- | --- |
"""


def page() -> str:
    """The page, as settings and rules have it now."""
    chosen = {setting.path for setting in settings()}
    defaults = Limits.configured(CallsConfig())
    doc = parse_docstring(Limits.__doc__ or "", DocstringStyle.GOOGLE)
    lines = []
    for param in doc.params:
        path = f"calls.{param.arg_name}"
        setting = f"`{path}`" if path in chosen else ""
        meaning = " ".join((param.description or "").split()).replace("``", "`")
        default = getattr(defaults, param.arg_name)
        shown = f"{default:,}" if isinstance(default, int) else str(default)
        lines.append(f"| {param.arg_name} | {setting} | {shown} | {meaning} |\n")
    lines += ["\n## Kept by the engine\n\n", "| Limit | Default | Bounds | Beyond it |\n"]
    lines.append("| --- | --- | --- | --- |\n")
    for name, (bounds, beyond) in ENGINE.items():
        lines.append(f"| {name} | {_default(name)} | {bounds}. | {beyond} |\n")
    return _INTRODUCTION + "".join(lines)


def _default(name: str) -> str:
    """As the stub writes it: the compiled signature has no word for ``256 << 20``."""
    found = re.search(rf"^ +{name}: \w+ = (.+),$", STUB.read_text(), re.M)
    assert found is not None
    return found[1].replace("_", ",")


def undocumented() -> set[str]:
    """Limits without a sentence."""
    doc = parse_docstring(Limits.__doc__ or "", DocstringStyle.GOOGLE)
    return {field.name for field in fields(Limits)} - {param.arg_name for param in doc.params}


if __name__ == "__main__":
    PAGE.write_text(page())
