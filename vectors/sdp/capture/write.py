"""Writes captured descriptions as ``<folder>/<name>.sdp``, byte for byte."""

from collections.abc import Mapping
from pathlib import Path

VECTORS = Path(__file__).parent.parent


def write(folder: str, descriptions: Mapping[str, str]) -> None:
    target = VECTORS / folder
    target.mkdir(exist_ok=True)
    for name, text in descriptions.items():
        (target / f"{name}.sdp").write_bytes(text.encode())
