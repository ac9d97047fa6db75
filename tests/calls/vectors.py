"""Descriptions that real clients wrote (vectors/sdp)."""

from pathlib import Path

FOLDER = Path(__file__).parent.parent.parent / "vectors" / "sdp"

OFFERS = sorted(
    str(path.relative_to(FOLDER).with_suffix(""))
    for path in FOLDER.glob("*/*.sdp")
    if not path.stem.endswith("-answer")
)
"""Every offer, by the name that :func:`vector` takes: ``chromium-156/simulcast``."""

ANSWERS = sorted(
    str(path.relative_to(FOLDER).with_suffix("")) for path in FOLDER.glob("*/*-answer.sdp")
)

LIFE = (
    "life-1-gathered",
    "life-2-stopped",
    "life-3-recycled",
    "life-4-first-stopped",
    "life-5-restarted",
)
"""One browser connection's offers, in order."""


def vector(name: str) -> str:
    return (FOLDER / f"{name}.sdp").read_bytes().decode()
