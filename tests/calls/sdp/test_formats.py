"""Which formats are the same thing."""

import pytest
from tidegate.calls.sdp import Format, configuration


def h264(parameters: str) -> Format:
    return Format(96, "h264", 90_000, parameters=parameters)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("profile-level-id=42e01f", "profile-level-id=42e034"),
        ("profile-level-id=42e01f", "profile-level-id=42C01E"),
        ("profile-level-id=42e01f", "profile-level-id=4d801f"),
        ("profile-level-id=42001f", "profile-level-id=42000d"),
        ("profile-level-id=640c1f", "profile-level-id=640c28"),
        ("packetization-mode=0;profile-level-id=42e01f", "profile-level-id=42e01f"),
        ("profile-level-id=42e01f", "level-asymmetry-allowed=1; Profile-Level-Id=42e01f"),
    ],
)
def test_h264_of_one_profile_is_one_configuration_whatever_its_level(one: str, other: str) -> None:
    """RFC 6184 §8.2.2; table 5 of §8.1 says which bits name the same profile."""
    assert configuration(h264(one)) == configuration(h264(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("profile-level-id=42e01f", "profile-level-id=42001f"),
        ("profile-level-id=42e01f", "profile-level-id=4d001f"),
        ("profile-level-id=640c1f", "profile-level-id=64001f"),
        ("profile-level-id=64001f", "profile-level-id=f4001f"),
        (
            "packetization-mode=1;profile-level-id=42e01f",
            "packetization-mode=0;profile-level-id=42e01f",
        ),
        ("profile-level-id=42e01f", "profile-level-id=nonsense"),
    ],
)
def test_h264_of_another_profile_or_mode_is_another_configuration(one: str, other: str) -> None:
    assert configuration(h264(one)) != configuration(h264(other))


@pytest.mark.parametrize(
    ("name", "one", "other", "same"),
    [
        ("vp9", "", "profile-id=0", True),
        ("vp9", "profile-id=0", "profile-id=2", False),
        ("av1", "level-idx=5;profile=0;tier=0", "", True),
        ("av1", "profile=1", "profile=0", False),
        ("h265", "level-id=93", "profile-id=1;tier-flag=0;level-id=180;tx-mode=SRST", True),
        ("h265", "profile-id=2", "profile-id=1", False),
        ("opus", "minptime=10;useinbandfec=1", "usedtx=1;stereo=1", True),
        ("vp8", "max-fs=12288", "", True),
    ],
)
def test_codecs_have_their_own_parameters_that_count(
    name: str, one: str, other: str, same: bool
) -> None:
    found = [configuration(Format(96, name, 90_000, parameters=each)) for each in (one, other)]
    assert (found[0] == found[1]) is same


def test_rate_and_channels_count() -> None:
    assert configuration(Format(0, "pcmu", 8000)) != configuration(Format(0, "pcmu", 16_000))
    assert configuration(Format(0, "opus", 48_000, 2)) != configuration(Format(0, "opus", 48_000))
