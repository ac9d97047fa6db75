"""Payload types of a session, and between sessions."""

from collections.abc import Sequence
from dataclasses import replace

from tidegate.calls.payload_types import (
    PayloadMapping,
    PayloadType,
    PayloadTypes,
    mappings,
    payload_type,
    supported,
)
from tidegate.calls.sdp import Format

OPUS = Format(111, "opus", 48_000, 2, "minptime=10;useinbandfec=1", ("transport-cc", "nack"))
RED = Format(63, "red", 48_000, 2, "111/111")
VP8 = Format(96, "vp8", 90_000, feedback=("goog-remb", "nack", "nack pli"), rtx=97)
H264 = Format(
    102, "h264", 90_000, parameters="packetization-mode=1;profile-level-id=42e01f", rtx=103
)
DTMF = Format(110, "telephone-event", 48_000)


def numbers(formats: Sequence[Format]) -> list[tuple[str, int, int | None]]:
    return [(format.name, format.pt, format.rtx) for format in formats]


def test_the_engine_s_shape() -> None:
    assert payload_type(VP8) == PayloadType(96, "vp8", 90_000, 97, True)
    assert payload_type(OPUS) == PayloadType(111, "opus", 48_000, None, True)
    assert payload_type(DTMF) == PayloadType(110, "other", 48_000, None, False)


def test_opus_is_asked_to_take_nacks() -> None:
    """Browsers do not offer it, and answer NACKs once a description has it."""
    browsers = replace(OPUS, feedback=("transport-cc",))
    assert supported("audio", [browsers]) == (OPUS,)
    assert supported("audio", [OPUS]) == (OPUS,)
    session = PayloadTypes()
    session.learn([browsers])
    assert session.offered("audio", [OPUS]) == (OPUS,)


def test_what_is_forwarded_keeps_the_client_s_order_and_parameters() -> None:
    g722 = Format(9, "g722", 8000)
    assert supported("audio", [DTMF, OPUS, g722]) == (DTMF, OPUS)
    ulpfec = Format(120, "ulpfec", 90_000)
    video_red = Format(118, "red", 90_000, rtx=119)
    [vp8] = supported("video", [VP8, video_red, ulpfec])
    assert vp8.feedback == ("nack", "nack pli")


def test_red_needs_what_it_repeats() -> None:
    assert supported("audio", [RED, OPUS]) == (RED, OPUS)
    assert supported("audio", [Format(63, "red", 48_000, 2, "109/109"), OPUS]) == (OPUS,)
    assert supported("audio", [Format(63, "red", 48_000, 2), OPUS]) == (OPUS,)


def test_tones_alone_are_nothing_to_forward() -> None:
    assert supported("audio", [DTMF, Format(13, "cn", 8000)]) == ()
    assert supported("video", [OPUS]) == ()


def test_formats_meet_by_what_they_mean() -> None:
    theirs = [Format(120, "vp8", 90_000, rtx=124), Format(126, "h264", 90_000, parameters="")]
    assert mappings([VP8, H264], theirs) == [PayloadMapping(96, 120, 124)]


def test_of_equal_formats_the_publisher_s_number_is_taken() -> None:
    theirs = [Format(100, "vp8", 90_000), Format(96, "vp8", 90_000)]
    assert mappings([VP8], theirs) == [PayloadMapping(96, 96, None)]


def test_red_passes_only_where_the_numbers_inside_are_the_same() -> None:
    """RFC 2198 §3: the blocks name payload types, and nobody rewrites them."""
    assert mappings([OPUS, RED], [OPUS, RED]) == [
        PayloadMapping(111, 111, None),
        PayloadMapping(63, 63, None),
    ]
    other = [Format(109, "opus", 48_000, 2), Format(63, "red", 48_000, 2, "109/109")]
    assert mappings([OPUS, RED], other) == [PayloadMapping(111, 109, None)]


def test_tones_alone_do_not_make_a_match() -> None:
    assert mappings([OPUS, DTMF], [Format(0, "pcmu", 8000), DTMF]) == []


def test_a_fresh_session_has_the_publisher_s_numbers() -> None:
    offered = PayloadTypes().offered("video", [VP8, H264])
    assert numbers(offered) == [("vp8", 96, 97), ("h264", 102, 103)]
    assert offered[0].feedback == ("transport-cc", "ccm fir", "nack", "nack pli")
    assert offered[1].parameters == H264.parameters


def test_the_client_s_numbers_and_parameters_are_used_for_what_it_knows() -> None:
    session = PayloadTypes()
    level = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e034"
    session.learn(
        [
            Format(120, "vp8", 90_000, feedback=("nack",), rtx=124),
            Format(96, "h264", 90_000, parameters=level, rtx=97),
        ]
    )
    vp8, h264 = session.offered("video", [VP8, H264])
    assert (vp8.pt, vp8.rtx, vp8.feedback) == (120, 124, ("nack",))
    assert (h264.pt, h264.rtx, h264.parameters) == (96, 97, level)


def test_a_number_in_use_is_not_given_to_another_format() -> None:
    session = PayloadTypes()
    session.learn([Format(96, "g722", 8000), Format(98, "x", 90_000, rtx=97)])
    [vp8] = session.offered("video", [VP8])
    assert vp8.pt not in (96, 97, 98)
    assert vp8.rtx not in (96, 97, 98, vp8.pt, None)
    assert session.offered("video", [VP8]) == (vp8,)


def test_a_number_with_two_meanings_is_never_offered() -> None:
    session = PayloadTypes()
    session.learn([VP8])
    session.learn([Format(96, "vp9", 90_000)])
    [vp8] = session.offered("video", [VP8])
    assert vp8.pt != 96


def test_stereo_is_told_to_subscribers() -> None:
    """RFC 7587 §6.1: ``stereo`` and ``sprop-stereo``. Other publishers keep their mono number."""
    session = PayloadTypes()
    stereo = Format(111, "opus", 48_000, 2, "stereo=1;usedtx=1;useinbandfec=1")
    [first] = session.offered("audio", [OPUS])
    [second] = session.offered("audio", [stereo])
    assert (first.pt, first.parameters) == (111, OPUS.parameters)
    assert second.pt != 111
    assert second.parameters == stereo.parameters


def test_red_is_offered_only_with_the_numbers_that_it_repeats() -> None:
    session = PayloadTypes()
    assert numbers(session.offered("audio", [RED, OPUS])) == [
        ("red", 63, None),
        ("opus", 111, None),
    ]
    firefox = PayloadTypes()
    firefox.learn([Format(109, "opus", 48_000, 2)])
    assert numbers(firefox.offered("audio", [RED, OPUS])) == [("opus", 109, None)]


def test_numbers_beside_rtcp_are_chosen_and_run_out() -> None:
    """RFC 5761 §4: 64 to 95 would look like RTCP."""
    session = PayloadTypes()
    given = [
        format.pt
        for profile in range(100)
        for format in session.offered(
            "video", [Format(70, "vp9", 90_000, parameters=f"profile-id={profile}")]
        )
    ]
    assert sorted(given) == [*range(35, 64), *range(96, 128)]


def test_a_copy_goes_its_own_way() -> None:
    session = PayloadTypes()
    session.copy().learn([Format(96, "vp9", 90_000)])
    assert numbers(session.offered("video", [VP8])) == [("vp8", 96, 97)]
