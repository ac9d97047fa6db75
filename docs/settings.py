"""Writes docs/reference/settings.md from the tree of settings."""

import itertools
from pathlib import Path

from tidegate.config import settings

PAGE = Path(__file__).parent / "reference" / "settings.md"

_INTRODUCTION = """\
# Settings

Written by `make docs` from `python/tidegate/config.py`.

Every setting can stand in a TOML file (`tidegate serve --config FILE`, or `TIDEGATE_CONFIG`), in
the environment and on the command line; the later overrides the earlier. What the file writes as
`seconds` in the section `[cache]` is `TIDEGATE_CACHE_SECONDS` in the environment and
`--cache-seconds` as a flag. There, a list is comma-separated and a switch is `true` or `false`. An
unknown name in the file, and a value that a setting cannot have, is one line on stderr and exit
status 2. [`tidegate.example.toml`](../../tidegate.example.toml) says why you would change what.
"""

_SECTIONS = {
    "": "Top level",
    "api": "`[api]`: the REST API",
    "http_limits": "`[http_limits]`: the HTTP server",
    "moq": "`[moq]`: MoQ sessions",
    "limits": "`[limits]`: what MoQ clients may ask",
    "cache": "`[cache]`: the object cache",
    "calls": "`[calls]`: the Realtime SFU",
}


def page() -> str:
    """The page, as the tree has it now."""
    parts = [_INTRODUCTION]
    for section, members in itertools.groupby(settings(), key=lambda setting: setting.section):
        head = ["| Setting | Environment | Default | Meaning |", "| --- | --- | --- | --- |"]
        rows = [
            f"| `{one.path}` | `{one.env}` | `{one.shown_default}` | {one.help} |"
            for one in members
        ]
        parts.append("\n".join([f"## {_SECTIONS[section]}", "", *head, *rows, ""]))
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page())
