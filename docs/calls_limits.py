"""Writes docs/reference/calls-limits.md: what bounds an SFU client, and what it meets there."""

from dataclasses import fields
from pathlib import Path

from docstring_parser import DocstringStyle
from docstring_parser import parse as parse_docstring
from tidegate.calls.limits import Limits
from tidegate.config import CallsConfig, settings

PAGE = Path(__file__).parent / "reference" / "calls-limits.md"

_INTRODUCTION = """\
# Limits of an SFU client

Written by `make docs`. What has a setting is changed there ([settings](settings.md)); the rest is
fixed. With a status, a code answers the whole request; without one, it belongs to one track of the
request, and the status is 200.

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
    return _INTRODUCTION + "".join(lines)


def undocumented() -> set[str]:
    """Limits without a sentence."""
    doc = parse_docstring(Limits.__doc__ or "", DocstringStyle.GOOGLE)
    return {field.name for field in fields(Limits)} - {param.arg_name for param in doc.params}


if __name__ == "__main__":
    PAGE.write_text(page())
