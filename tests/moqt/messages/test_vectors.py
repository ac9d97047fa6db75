"""Bytes that others wrote decode to what they mean, and we write the same bytes."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from tidegate.moqt.messages import (
    Frames,
    Message,
    encode,
)
from tidegate.moqt.version import PROFILES, Profile

from tests.moqt.messages.examples import EXAMPLES, role

VECTORS = Path(__file__).parents[3] / "vectors" / "moqt"

OTHER_SPELLINGS = {
    "subscribe without options": "we state forward and priority",
    "publish ok without options": "we state forward and priority",
    "fetch ok with a group order": "it does not belong there, and is ignored",
    "shaka 5.2.12 subscribes with group order 0": "we leave it out",
}


@dataclass(frozen=True)
class Vector:
    profile: Profile
    name: str
    data: bytes

    def __str__(self) -> str:
        return f"{self.profile} {self.name}"

    @property
    def meaning(self) -> Message:
        return EXAMPLES[self.profile][self.name]


def load() -> list[Vector]:
    profiles = {int(profile.draft): profile for profile in PROFILES}
    return [
        Vector(profiles[vector["draft"]], vector["name"], bytes.fromhex(vector["hex"]))
        for path in sorted(VECTORS.glob("*.json"))
        for vector in json.loads(path.read_text())["vectors"]
    ]


@pytest.mark.parametrize("vector", load(), ids=str)
def test_bytes_decode_to_what_they_mean(vector: Vector) -> None:
    frames = Frames(vector.profile, role(vector.profile, vector.meaning))
    assert list(frames.feed(vector.data)) == [vector.meaning]


@pytest.mark.parametrize(
    "vector", [vector for vector in load() if vector.name not in OTHER_SPELLINGS], ids=str
)
def test_messages_encode_to_the_same_bytes(vector: Vector) -> None:
    assert encode(vector.profile, vector.meaning).hex() == vector.data.hex()
