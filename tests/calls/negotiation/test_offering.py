"""Offers of ours, and what clients answer."""

import pytest
from tidegate.calls.negotiation import Intents, Pull, Push, State
from tidegate.calls.sdp import Description, Section
from tidegate.errors import (
    InvalidSessionDescription,
    MalformedSessionDescription,
    NoOfferOutstanding,
    SignalingStateNotStable,
)

from tests.calls.negotiation.client import Session, negotiation, published
from tests.calls.vectors import vector

CHROMIUM = published("chromium-156/simulcast")
FIREFOX = published("firefox-153/audio-video")
AIORTC = published("aiortc-1.16.0/audio-video")


def sections(sdp: str) -> list[Section]:
    return [Section.parse(text) for text in Description.cut(sdp).sections]


def test_a_fresh_session_counts_its_mids_from_0() -> None:
    offer = negotiation().offer([Pull(CHROMIUM["1"], "a"), Pull(CHROMIUM["0"], "a")])
    assert offer.pulled == ("0", "1")
    video, audio = sections(offer.sdp)
    assert (video.kind, audio.kind) == ("video", "audio")
    assert {each.direction for each in (video, audio)} == {"sendonly"}
    assert {each.transport.setup for each in (video, audio)} == {"actpass"}


def test_mids_count_on_from_the_largest_ever_used() -> None:
    session = Session()
    session.client.add("audio").mid = "17"
    session.client._order.append("17")
    session.client.add("audio").mid = "camera"
    session.client._order.append("camera")
    session.client_offers()
    assert session.negotiation.offer([Pull(CHROMIUM["0"], "a")]).pulled == ("18",)


def test_tracks_of_one_publisher_share_a_stream_and_a_cname() -> None:
    """libwebrtc keeps audio and video together only inside a stream."""
    video, audio = sections(
        negotiation().offer([Pull(CHROMIUM["1"], "them"), Pull(CHROMIUM["0"], "them")]).sdp
    )
    assert video.streams.msid is not None
    assert audio.streams.msid is not None
    assert video.streams.msid[0] == audio.streams.msid[0] == "them"
    assert video.streams.msid[1] != audio.streams.msid[1]
    assert video.streams.cname == audio.streams.cname == "them"
    assert video.streams.repairs == (video.streams.ssrcs,)
    assert len(audio.streams.ssrcs) == 1
    assert not video.streams.rids_sent + video.streams.rids_received


def test_what_the_client_took_is_what_is_sent() -> None:
    session = Session()
    outcome = session.pull(Pull(CHROMIUM["0"], "them"), Pull(CHROMIUM["1"], "them"))
    assert outcome.sending.keys() == {"0", "1"}
    assert outcome.remote is not None
    video = outcome.sending["1"]
    assert video.rtx_ssrc is not None
    assert (video.mid, video.cname) == ("1", "them")
    assert video.mappings[0] == (96, 96, 97)
    assert outcome.extensions is not None
    assert {0, 3, 4} <= {number for _, number in outcome.extensions}


def test_numbers_of_a_publisher_become_the_subscriber_s() -> None:
    """The client used 96 for VP8 and 98 for VP9 before; Firefox has 120 and 121."""
    session = Session()
    session.client.add("video", rids="fhq")
    session.client_offers()
    outcome = session.pull(Pull(FIREFOX["1"], "fox"))
    assert (120, 96, 97) in outcome.sending["1"].mappings
    assert (121, 98, 99) in outcome.sending["1"].mappings


def test_numbers_agree_whoever_comes_first() -> None:
    session = Session()
    session.pull(Pull(AIORTC["0"], "a"), Pull(AIORTC["1"], "a"))
    outcome = session.pull(Pull(CHROMIUM["1"], "b"), Pull(FIREFOX["1"], "c"))
    assert (96, 97, 98) in outcome.sending["2"].mappings
    assert (120, 97, 98) in outcome.sending["3"].mappings


def test_a_client_that_takes_fewer_codecs_gets_those() -> None:
    session = Session("aiortc-1.16.0/recvonly")
    outcome = session.pull(Pull(CHROMIUM["1"], "a"))
    codecs = {each.pt: each.codec for each in CHROMIUM["1"].payload_types}
    taken = {codecs[mapping.publisher] for mapping in outcome.sending["0"].mappings}
    assert taken == {"vp8", "h264"}


def test_a_section_that_the_client_rejects_is_closed() -> None:
    session = Session()
    outcome = session.pull(Pull(CHROMIUM["0"], "a"), Pull(CHROMIUM["1"], "a"), refuse=["1"])
    assert outcome.refused == {"1"}
    assert outcome.sending.keys() == {"0"}
    assert session.negotiation.bind("1", Pull(CHROMIUM["1"], "a")) is None


def test_a_section_without_a_common_codec_is_closed() -> None:
    session = Session()
    session.client.formats["video"] = tuple(
        each for each in session.client.formats["video"] if each.name == "av1"
    )
    assert session.pull(Pull(CHROMIUM["0"], "a"), Pull(AIORTC["1"], "b")).refused == {"1"}


def test_nothing_else_begins_before_the_answer() -> None:
    side = negotiation()
    with pytest.raises(NoOfferOutstanding):
        side.accept_answer(vector("chromium-156/life-1-gathered-answer"))
    side.offer([Pull(CHROMIUM["0"], "a")])
    assert side.state is State.HAVE_LOCAL_OFFER
    with pytest.raises(SignalingStateNotStable):
        side.offer([Pull(CHROMIUM["0"], "a")])


def test_an_answer_is_taken_once() -> None:
    session = Session()
    answer = session.client.answer(session.negotiation.offer([Pull(CHROMIUM["0"], "a")]).sdp)
    session.negotiation.accept_answer(answer)
    with pytest.raises(NoOfferOutstanding):
        session.negotiation.accept_answer(answer)


def test_a_bad_answer_leaves_the_offer_waiting() -> None:
    session = Session()
    answer = session.client.answer(
        session.negotiation.offer([Pull(CHROMIUM["0"], "a"), Pull(CHROMIUM["1"], "a")]).sdp
    )
    for bad in (
        "",
        answer.replace("a=ice-ufrag", "a=x"),
        answer.replace("a=mid:1", "a=mid:2"),
        answer.replace("m=audio", "m=video"),
        answer[: answer.index("m=video")],
        answer.replace("a=setup:active", "a=setup:never"),
    ):
        with pytest.raises((MalformedSessionDescription, InvalidSessionDescription)):
            session.negotiation.accept_answer(bad)
        assert session.negotiation.state is State.HAVE_LOCAL_OFFER
    assert session.negotiation.accept_answer(answer).sending.keys() == {"0", "1"}


def test_a_passive_peer_makes_us_the_dtls_client() -> None:
    session = Session()
    answer = session.client.answer(session.negotiation.offer([Pull(CHROMIUM["0"], "a")]).sdp)
    outcome = session.negotiation.accept_answer(answer.replace("setup:active", "setup:passive"))
    assert outcome.remote is not None
    assert outcome.remote.dtls_client
    session.client.add("audio")
    sdp = session.client_offers().sdp
    assert {each.transport.setup for each in sections(sdp)} == {"active"}


def test_a_client_that_published_simulcast_goes_on_when_it_is_offered_more() -> None:
    """The offer of ours repeats the rids, or the browser would fall back to one layer."""
    session = Session()
    session.client.add("video", rids="fhq")
    session.client_offers()
    offer = session.negotiation.offer([Pull(CHROMIUM["0"], "a")])
    assert sections(offer.sdp)[0].streams.rids_received == ("f", "h", "q")
    outcome = session.negotiation.accept_answer(session.client.answer(offer.sdp))
    assert outcome.receiving == {}
    assert outcome.receiving_ended == frozenset()


def test_a_push_without_an_offer_is_asked_for() -> None:
    session = Session()
    offer = session.negotiation.offer([], [Push("audio", bidirectional=True), Push("video")])
    assert (offer.pulled, offer.pushed) == ((), ("0", "1"))
    answer = session.client.answer(offer.sdp)
    outcome = session.negotiation.accept_answer(answer)
    assert outcome.receiving.keys() == {"0", "1"}
    assert outcome.receiving["1"].payload_types[0].codec == "vp8"
    bound = session.negotiation.bind("0", Pull(CHROMIUM["0"], "them"))
    assert bound is not None
    assert bound.ssrc in sections(offer.sdp)[0].streams.ssrcs
    assert session.negotiation.bind("1", Pull(CHROMIUM["1"], "them")) is None


def test_data_channels_are_offered_once() -> None:
    session = Session()
    offer = session.negotiation.offer(data_channels=True)
    assert [each.kind for each in sections(offer.sdp)] == ["application"]
    assert not session.negotiation.data_channels
    outcome = session.negotiation.accept_answer(session.client.answer(offer.sdp))
    assert outcome.remote is not None
    assert outcome.remote.sctp_port == 5000
    assert session.negotiation.data_channels
    again = session.negotiation.offer([Pull(CHROMIUM["0"], "a")], data_channels=True)
    assert [each.kind for each in sections(again.sdp)] == ["application", "audio"]


def test_another_track_can_take_a_section_over() -> None:
    session = Session()
    before = session.pull(Pull(CHROMIUM["1"], "a")).sending["0"]
    after = session.negotiation.bind("0", Pull(FIREFOX["1"], "fox"))
    assert after is not None
    assert (after.ssrc, after.rtx_ssrc, after.cname) == (before.ssrc, before.rtx_ssrc, "fox")
    assert (120, 96, 97) in after.mappings
    assert session.negotiation.bind("0", Pull(CHROMIUM["0"], "a")) is None
    assert session.negotiation.bind("9", Pull(CHROMIUM["1"], "a")) is None
    again = session.client_offers()
    assert (dict(again.sending), again.sending_ended) == ({}, frozenset())


def test_forced_closing_needs_no_description_and_shows_in_the_next() -> None:
    session = Session()
    session.pull(Pull(CHROMIUM["0"], "a"), Pull(CHROMIUM["1"], "a"))
    session.negotiation.close(["0", "5"])
    assert session.negotiation.bind("0", Pull(CHROMIUM["0"], "a")) is None
    offer = session.negotiation.offer([Pull(CHROMIUM["0"], "a")])
    assert [each.direction for each in sections(offer.sdp)] == ["inactive", "sendonly", "sendonly"]
    outcome = session.negotiation.accept_answer(session.client.answer(offer.sdp))
    assert outcome.sending.keys() == {"2"}


def test_closing_by_force_while_the_offer_waits() -> None:
    session = Session()
    offer = session.negotiation.offer([Pull(CHROMIUM["0"], "a"), Pull(CHROMIUM["1"], "a")])
    session.negotiation.close(["1"])
    outcome = session.negotiation.accept_answer(session.client.answer(offer.sdp))
    assert outcome.sending.keys() == {"0"}
    assert [each.direction for each in sections(session.client_offers().sdp)] == [
        "sendonly",
        "inactive",
    ]


def test_a_full_session_says_so_before_anything_changes() -> None:
    session = Session(sections=2)
    session.pull(Pull(CHROMIUM["0"], "a"))
    assert session.negotiation.room == 1
    with pytest.raises(InvalidSessionDescription, match="at most 2"):
        session.negotiation.offer([Pull(CHROMIUM["0"], "a")] * 2)
    assert session.negotiation.room == 1
    assert session.negotiation.state is State.STABLE
    assert session.pull(Pull(CHROMIUM["0"], "a")).sending.keys() == {"1"}
    assert session.negotiation.room == 0


def test_closed_sections_are_used_again_when_the_session_fills_up() -> None:
    """RFC 8829 §5.2.2: a section that both sides know as rejected may become another."""
    session = Session(sections=8)
    session.pull(Pull(CHROMIUM["0"], "a"))
    for round in range(1, 40):
        outcome = session.pull(Pull(CHROMIUM["1"], "a"))
        [mid] = outcome.sending
        assert mid == str(round)
        session.negotiation.close([mid])
    assert len(session.client._order) <= 8


def test_the_bundle_s_section_is_not_used_again() -> None:
    session = Session(sections=8)
    for _ in range(6):
        session.pull(Pull(CHROMIUM["0"], "a"))
    session.negotiation.close([str(mid) for mid in range(5)])
    first, *others = sections(session.negotiation.offer([Pull(CHROMIUM["0"], "a")]).sdp)
    assert (first.port, first.direction) == (9, "inactive")
    assert [each.port for each in others] == [0, 0, 0, 0, 9, 9]


def test_stopped_sections_of_the_client_are_no_obstacle() -> None:
    session = Session()
    session.client.add("audio")
    session.client_offers()
    session.pull(Pull(CHROMIUM["0"], "a"))
    session.client.transceivers[0].stopped = True
    assert session.client_offers(Intents()).receiving_ended == {"0"}
    outcome = session.pull(Pull(CHROMIUM["1"], "a"))
    assert outcome.sending.keys() == {"2"}
