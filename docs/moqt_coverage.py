"""Writes docs/reference/moqt-coverage.md from the tests that name an obligation.

A test names obligations at the start of a sentence of its docstring (Python) or doc comment (Rust):
``B8: one upstream subscription``, or ``S7: partly: …`` where it shows a part. What no test shows as
a whole, or has a known shortfall, is kept partly.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "reference" / "moqt-coverage.md"

_NAMED = re.compile(r"(?:^|[;.] )((?:[SBPOC]\d+)(?:, [SBPOC]\d+)*): (partly: )?")

SECTIONS: dict[str, dict[str, str]] = {
    "Sessions and safety": {
        "S1": "sessions end at the relay",
        "S2": "QUIC datagrams are negotiated; RESET_STREAM_AT is not needed",
        "S3": "every request and every subscriber is authorised",
        "S4": "what closes one session reaches no other",
        "S5": "unknown types, wrong lengths and wrong Request IDs close the session",
        "S6": "unknown setup options and grease are ignored",
        "S7": "the control stream goes before data",
        "S8": "what a peer makes us remember is bounded",
        "S9": "what a peer leaves unfinished or unanswered times out",
        "S10": "idle publishers are kept alive",
        "S11": "`.session` is answered locally",
        "S12": "unknown error codes count as INTERNAL_ERROR",
    },
    "Subscribing": {
        "B1": "one answer to every request",
        "B2": "SUBSCRIBE_OK waits for an established publisher",
        "B3": "with one established, SUBSCRIBE_OK comes",
        "B4": "SUBSCRIBE goes to every matching publisher",
        "B5": "namespaces match by whole fields",
        "B6": "Forward = 1 downstream makes it 1 upstream",
        "B7": "upstream subscriptions forward",
        "B8": "one upstream subscription for each publisher",
        "B9": "no subscriber's priority or order goes upstream",
        "B10": "no subscriber's delivery timeout goes upstream",
        "B11": "a second subscription to a track",
        "B12": "SUBSCRIBE and PUBLISH that cross",
        "B13": "the largest location that is told",
        "B14": "the largest location told is kept for joining",
        "B15": "filters",
        "B16": "RENDEZVOUS_TIMEOUT",
        "B17": "NEW_GROUP_REQUEST",
        "B18": "subscribing to one's own track",
        "B19": "TRACK_STATUS",
        "B20": "track properties travel with PUBLISH, SUBSCRIBE_OK and FETCH_OK",
        "B21": "mandatory track properties",
        "B22": "REDIRECT",
        "B23": "updates",
    },
    "Publishing and namespaces": {
        "P1": "several publishers of one track or namespace",
        "P2": "a wanted PUBLISH is taken",
        "P3": "an unwanted PUBLISH may be taken",
        "P4": "a PUBLISH that is not taken is refused",
        "P5": "every PUBLISH is offered to who subscribed its namespace",
        "P6": "and to nobody else",
        "P7": "own tracks and namespaces are echoed",
        "P8": "namespaces are told to who subscribed a prefix",
        "P9": "and withdrawn with their last publisher",
        "P10": "a new publisher is asked for what runs",
        "P11": "PUBLISH implies no namespace",
        "P12": "overlapping prefixes are refused",
        "P13": "a blocked namespace stream may be reset",
        "P14": "PUBLISH without stream credit",
        "P15": "too many matches",
        "P16": "loops are avoided",
    },
    "Objects": {
        "O1": "payloads are opaque",
        "O2": "ids, priority, status and preference stay",
        "O3": "subgroups stay streams, datagrams stay datagrams",
        "O4": "unknown properties are kept",
        "O5": "immutable blocks keep their bytes",
        "O6": "gap properties are never added",
        "O7": "a stream's objects are neither reordered nor dropped",
        "O8": "a downstream stream gets only the next object",
        "O9": "FIN after everything, reset after less",
        "O10": "an upstream FIN waits for what is before it",
        "O11": "a given-up subgroup is not reopened",
        "O12": "the FIRST_OBJECT bit",
        "O13": "unknown aliases are parked, within limits",
        "O14": "objects of ended subscriptions are discarded",
        "O15": "aliases are each session's own",
        "O16": "malformed tracks",
        "O17": "objects that were said not to exist",
        "O18": "delivery timeouts",
        "O19": "subscribers that stay behind",
        "O20": "PUBLISH_DONE comes last, with the stream count",
        "O21": "objects are forwarded before they are whole",
    },
    "Cache and FETCH": {
        "C1": "objects are cached by scope and name",
        "C2": "with all their fields",
        "C3": "MAX_CACHE_DURATION",
        "C4": "FETCH_OK tells a known end",
        "C5": "what is cached is served at once",
        "C6": "order within a fetch",
        "C7": "a gap means that nothing exists there",
        "C8": "FILL_TIMEOUT",
        "C9": "FETCH upstream",
        "C10": "joining FETCH",
        "C11": "cancelling a fetch",
        "C12": "other representations of missing ranges",
    },
}
SHORTFALLS = {
    "S7": "the peer's connection credit cannot be set apart",
    "P4": "streams of the refused track run out unread",
    "O16": "copies of an object are not compared",
    "C4": "no publisher is asked for a range",
    "C5": "no publisher is asked for a range",
    "C9": "not yet",
}
_LATER_DRAFTS = {"S11", "S12", "B16", "B21", "B22", "P13", "P14", "P15", "O12", "C8"}


def page() -> str:
    """The page, as the tests have it now."""
    named: dict[str, set[str]] = {}
    whole: set[str] = set()
    for path, text in _docs():
        for match in _NAMED.finditer(text):
            for obligation in match[1].split(", "):
                named.setdefault(obligation, set()).add(path)
                if not match[2]:
                    whole.add(obligation)
    lines = [
        "# What the MoQ relay keeps of the drafts",
        "",
        "Written by `make docs` from the tests that name an obligation, at drafts 14 and 16.",
        "",
    ]
    for section, obligations in SECTIONS.items():
        lines += [f"## {section}", "", "| | Obligation | Kept | Tests |", "|---|---|---|---|"]
        for obligation, title in obligations.items():
            tests = sorted(named.get(obligation, ()))
            if tests and obligation in SHORTFALLS:
                kept = f"partly: {SHORTFALLS[obligation]}"
            elif tests:
                kept = "yes" if obligation in whole else "partly"
            elif obligation in SHORTFALLS:
                kept = SHORTFALLS[obligation]
            else:
                kept = "later drafts" if obligation in _LATER_DRAFTS else "no test"
            shown = ", ".join(f"`{test}`" for test in tests)
            lines.append(f"| {obligation} | {title} | {kept} | {shown} |")
        lines.append("")
    return "\n".join(lines)


def unknown() -> set[str]:
    """Obligations that a test names and this page does not know."""
    known = {obligation for obligations in SECTIONS.values() for obligation in obligations}
    found = {
        obligation
        for _, text in _docs()
        for match in _NAMED.finditer(text)
        for obligation in match[1].split(", ")
    }
    return found - known


def _docs() -> Iterator[tuple[str, str]]:
    """Each test file (from the root) with one test's docstring, or one run of doc comments."""
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
                and node.name[:5] == "test_"
            ):
                yield str(path.relative_to(ROOT)), ast.get_docstring(node) or ""
    for path in sorted((ROOT / "crates").rglob("*.rs")):
        for match in re.finditer(r"(?:^[ \t]*///.*\n)+", path.read_text(), re.MULTILINE):
            text = re.sub(r"^[ \t]*/// ?", "", match[0], flags=re.MULTILINE)
            yield str(path.relative_to(ROOT)), text


if __name__ == "__main__":
    PAGE.write_text(page())
