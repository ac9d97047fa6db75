"""Writes docs/reference/limits.md: what bounds a MoQ client, and what it meets there."""

from dataclasses import fields
from inspect import signature
from pathlib import Path

from docstring_parser import DocstringStyle
from docstring_parser import parse as parse_docstring
from tidegate import _engine
from tidegate.config import Limits as ConfiguredLimits
from tidegate.config import MoqConfig, settings
from tidegate.moqt.limits import Limits

PAGE = Path(__file__).parent / "reference" / "limits.md"

ENGINE = {
    "limits.sessions": "the connection is refused",
    "limits.sessions_per_address": "the connection is refused",
    "limits.handshakes_per_second": "the connection is refused",
    "limits.half_open": "the client proves its address first, then is refused",
    "limits.streams": "QUIC's stream limit holds the client back",
    "moq.early_streams": "the stream is stopped with EXCESSIVE_LOAD",
    "moq.early_datagram_bytes": "the oldest datagrams are dropped",
    "moq.early_seconds": "the stream is stopped, the datagram dropped",
    "moq.idle_seconds": "the session is gone, and what it published with it",
    "limits.queued_bytes_per_subscriber": "groups are dropped, then PUBLISH_DONE TOO_FAR_BEHIND",
    "limits.control_bytes_per_session": "the session is closed",
    "cache.seconds": "the objects are unknown to a FETCH",
    "cache.bytes_per_relay": "the oldest groups are unknown to a FETCH",
    "cache.bytes_total": "the oldest groups are unknown to a FETCH",
}
"""What a client meets at the bounds that the engine keeps, by setting."""

FIXED = {
    "header_seconds": (
        "from a data stream's first byte to the end of its header",
        "the stream is stopped with DELIVERY_TIMEOUT",
    ),
    "behind_seconds": (
        "how long a subscriber may have more than `limits.queued_bytes_per_subscriber` waiting",
        "PUBLISH_DONE TOO_FAR_BEHIND",
    ),
}
"""The engine's bounds that have no setting: what each bounds, and what a client meets there."""

_INTRODUCTION = """\
# Limits of a MoQ client

Written by `make docs`. What has a setting is changed there ([settings](settings.md)); the rest is
fixed. Names in capitals are the drafts' codes; EXCESSIVE_LOAD is INTERNAL_ERROR with a Retry
Interval in the drafts that have no such code.
"""


def page() -> str:
    """The page, as settings and rules have it now."""
    chosen = {setting.path: setting for setting in settings()}
    lines = [_INTRODUCTION, "## Kept by the engine", ""]
    lines += ["| Setting | Default | Bounds | Beyond it |", "| --- | --- | --- | --- |"]
    for path, beyond in ENGINE.items():
        setting = chosen[path]
        lines.append(f"| `{path}` | {_shown(setting.default)} | {setting.help} | {beyond} |")
    for name, (bounds, beyond) in FIXED.items():
        default = signature(_engine.Limits).parameters[name].default
        lines.append(f"| {name} | {_shown(default)} | {bounds}. | {beyond} |")
    lines += ["", "## Kept by the rules of the control messages", ""]
    lines += ["| Limit | Setting | Default | Meaning |", "| --- | --- | --- | --- |"]
    defaults = Limits.configured(MoqConfig(), ConfiguredLimits())
    doc = parse_docstring(Limits.__doc__ or "", DocstringStyle.GOOGLE)
    for param in doc.params:
        paths = [f"{section}.{param.arg_name}" for section in ("moq", "limits")]
        setting_path = next((f"`{path}`" for path in paths if path in chosen), "")
        meaning = " ".join((param.description or "").split()).replace("``", "`")
        shown = _shown(getattr(defaults, param.arg_name))
        lines.append(f"| {param.arg_name} | {setting_path} | {shown} | {meaning} |")
    return "\n".join(lines) + "\n"


def undocumented() -> set[str]:
    """Limits of the rules without a sentence."""
    doc = parse_docstring(Limits.__doc__ or "", DocstringStyle.GOOGLE)
    return {field.name for field in fields(Limits)} - {param.arg_name for param in doc.params}


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


if __name__ == "__main__":
    PAGE.write_text(page())
