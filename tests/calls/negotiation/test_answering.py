"""Answers to what clients offer."""

import pytest
from tidegate.calls.negotiation import Encoding, Intents, Negotiation, Pull
from tidegate.calls.sdp import Description, Section
from tidegate.errors import (
    InvalidSessionDescription,
    MalformedSessionDescription,
    SignalingStateNotStable,
)

from tests.calls.negotiation.client import Client, Session, negotiation, published
from tests.calls.vectors import LIFE, OFFERS, vector


def sections(sdp: str) -> list[Section]:
    return [Section.parse(text) for text in Description.cut(sdp).sections]


def section(sdp: str, mid: str) -> Section:
    [found] = (each for each in sections(sdp) if each.mid == mid)
    return found


@pytest.mark.parametrize("name", OFFERS)
def test_every_captured_offer_is_answered(name: str) -> None:
    offered = sections(vector(name))
    answer = negotiation().answer(vector(name))
    answered = sections(answer.sdp)
    assert [each.mid for each in answered] == [each.mid for each in offered]
    assert [each.rejected for each in answered] == [each.rejected for each in offered]
    sending = {each.mid for each in offered if each.direction in ("sendonly", "sendrecv")}
    media = {each.mid for each in offered if each.kind != "application"}
    assert answer.receiving.keys() == sending & media
    assert answer.refused == frozenset()
    assert answer.remote is not None
    assert (answer.remote.algorithm, answer.remote.dtls_client) == ("sha-256", False)


def test_a_push_of_audio_and_simulcast_video() -> None:
    answer = negotiation().answer(vector("chromium-156/simulcast"))
    audio, video = answer.receiving["0"], answer.receiving["1"]
    assert (audio.kind, video.kind) == ("audio", "video")
    assert audio.encodings == (Encoding("", 2138126551, None),)
    assert not audio.simulcast
    assert video.encodings == tuple(Encoding(rid, None, None) for rid in "fhq")
    assert video.simulcast
    vp8, *_ = video.payload_types
    assert vp8 == (96, "vp8", 90_000, 97, True)
    assert ("other", 8000) in {(each.codec, each.clock_rate) for each in audio.payload_types}
    answered = section(answer.sdp, "1")
    assert answered.direction == "recvonly"
    assert answered.streams.rids_received == ("f", "h", "q")
    assert answered.transport.setup == "passive"


def test_the_engine_learns_ids_of_header_extensions_by_number() -> None:
    answer = negotiation().answer(vector("chromium-156/audio-video"))
    assert answer.extensions is not None
    ids = {number: id for id, number in answer.extensions}
    assert (ids[0], ids[1], ids[2], ids[3], ids[4]) == (4, 10, 11, 3, 2)


def test_a_retransmitting_publisher_names_both_ssrcs() -> None:
    answer = negotiation().answer(vector("aiortc-1.16.0/audio-video"))
    assert answer.receiving["1"].encodings == (Encoding("", 2482289398, 1566256359),)


def test_h264_is_answered_as_it_was_offered() -> None:
    answered = section(negotiation().answer(vector("aiortc-1.16.0/audio-video")).sdp, "1")
    assert [each.parameters for each in answered.formats if each.name == "h264"] == [
        "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f",
        "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
    ]


def test_opus_keeps_what_it_was_offered_with() -> None:
    session = Session("firefox-153/recvonly")
    session.client.add("audio")
    opus, *_ = section(session.client_offers().sdp, "0").formats
    assert opus.parameters == "maxplaybackrate=48000;stereo=1;useinbandfec=1"


def test_data_channels_are_accepted() -> None:
    side = negotiation()
    assert not side.data_channels
    answer = side.answer(vector("chromium-156/datachannel"))
    assert side.data_channels
    assert answer.remote is not None
    assert answer.remote.sctp_port == 5000
    [application] = sections(answer.sdp)
    assert application.data_channels is not None
    assert application.data_channels.max_message_size == 262_144


def test_candidates_are_told_with_the_most_wanted_first() -> None:
    audio, video = sections(negotiation().answer(vector("chromium-156/audio-video")).sdp)
    assert video.transport == audio.transport
    assert [(each.address, each.port) for each in audio.transport.candidates] == [
        ("192.0.2.1", 4443),
        ("127.0.0.1", 4443),
    ]
    priorities = [each.priority for each in audio.transport.candidates]
    assert priorities == sorted(priorities, reverse=True)
    assert audio.transport.end_of_candidates


@pytest.mark.parametrize("client", ["chromium-156", "firefox-153"])
def test_the_life_of_a_browser_s_connection(client: str) -> None:
    """A section is stopped, recycled under a new mid; the first is stopped; ICE restarts."""
    side = negotiation()
    first, stopped, recycled, first_stopped, restarted = (
        side.answer(vector(f"{client}/{step}")) for step in LIFE
    )
    assert first.receiving.keys() == {"0", "1"}
    assert stopped.receiving_ended == {"1"}
    assert stopped.receiving == {}
    assert [each.rejected for each in sections(stopped.sdp)] == [False, True]
    assert recycled.receiving.keys() == {"2"}
    assert [each.mid for each in sections(recycled.sdp)] == ["0", "2"]
    assert first_stopped.receiving_ended == {"0"}
    assert Description.cut(first_stopped.sdp).session.bundle == ("2",)
    assert section(first_stopped.sdp, "2").transport.candidates
    assert first.credentials is None
    assert restarted.credentials == side.credentials
    assert section(restarted.sdp, "2").transport.ufrag == side.credentials.ufrag
    assert section(first_stopped.sdp, "2").transport.ufrag != side.credentials.ufrag


def test_what_nobody_asked_for_can_be_published_later() -> None:
    session = Session()
    session.client.add("audio")
    session.client_offers()
    reception = session.negotiation.reception("0")
    assert reception is not None
    assert session.negotiation.reception("1") is None
    assert session.client_offers().receiving == {}
    assert session.negotiation.reception("0") is reception


def test_closed_mids_are_answered_inactive_although_the_client_goes_on() -> None:
    """partytracks lists several mids to close, and stops the first only."""
    session = Session()
    for _ in range(3):
        session.client.add("audio")
    session.client_offers()
    session.client.transceivers[0].stopped = True
    answer = session.client_offers(Intents(close=["0", "1", "9"]))
    assert answer.receiving_ended == {"0", "1"}
    assert [(each.port, each.direction) for each in sections(answer.sdp)] == [
        (0, "inactive"),
        (9, "inactive"),
        (9, "recvonly"),
    ]
    session.client.add("video")
    assert section(session.client_offers().sdp, "1").direction == "inactive"


def test_a_closed_section_opens_again_when_it_is_published() -> None:
    session = Session()
    session.client.add("audio")
    session.client_offers()
    session.negotiation.close(["0"])
    assert session.negotiation.reception("0") is None
    assert session.client_offers().receiving == {}
    assert session.client_offers(Intents(publish=["0"])).receiving.keys() == {"0"}


def test_a_two_way_section_is_promised_a_stream() -> None:
    session = Session()
    session.client.add("audio", "sendrecv")
    answer = session.client_offers(Intents(publish=["0"], bidirectional=["0"]))
    answered = section(answer.sdp, "0")
    assert answered.direction == "sendrecv"
    assert answered.streams.msid
    [ssrc] = answered.streams.ssrcs
    assert answer.sending == {}

    track = published("chromium-156/audio-video")["0"]
    bound = session.negotiation.bind("0", Pull(track, "them"))
    assert bound is not None
    assert (bound.ssrc, bound.cname) == (ssrc, "them")
    assert (111, 111, None) in bound.mappings
    again = session.client_offers()
    assert section(again.sdp, "0").streams.ssrcs == (ssrc,)
    assert (again.sending, again.sending_ended) == ({}, frozenset())


def test_a_section_is_one_way_unless_two_ways_are_asked_for() -> None:
    session = Session()
    session.client.add("audio", "sendrecv")
    assert section(session.client_offers().sdp, "0").direction == "recvonly"


def test_tracks_are_bound_to_free_sections_of_a_client_s_offer() -> None:
    tracks = published("chromium-156/audio-video")
    session = Session()
    for kind in ("video", "audio", "video"):
        session.client.add(kind, "recvonly")
    pulls = [Pull(tracks["0"], "them"), Pull(tracks["1"], "them"), Pull(tracks["0"], "them")]
    answer = session.client_offers(Intents(pulls=pulls))
    assert answer.pulled == ("1", "0", None)
    assert answer.sending.keys() == {"0", "1"}
    video = answer.sending["0"]
    assert video.rtx_ssrc is not None
    assert (96, 96, 97) in video.mappings
    assert [each.direction for each in sections(answer.sdp)] == ["sendonly", "sendonly", "inactive"]
    msids = [each.streams.msid for each in sections(answer.sdp)[:2]]
    assert [msid and msid[0] for msid in msids] == ["them", "them"]

    later = session.client_offers(Intents(pulls=[Pull(tracks["1"], "them")]))
    assert later.pulled == ("2",)
    assert later.sending.keys() == {"2"}


def test_a_pull_may_name_its_section() -> None:
    track = published("chromium-156/audio-video")["0"]
    session = Session()
    session.client.add("audio", "recvonly")
    session.client.add("audio", "recvonly")
    pulls = [Pull(track, "them", "1"), Pull(track, "them", "7")]
    assert session.client_offers(Intents(pulls=pulls)).pulled == ("1", None)


def test_a_track_whose_codecs_the_client_lacks_is_not_bound() -> None:
    av1 = Session()
    av1.client.formats["video"] = tuple(
        each for each in av1.client.formats["video"] if each.name == "av1"
    )
    av1.client.add("video")
    track = av1.client_offers().receiving["0"]
    session = Session("aiortc-1.16.0/recvonly")
    session.client.add("video", "recvonly")
    assert session.client_offers(Intents(pulls=[Pull(track, "them")])).pulled == (None,)


def test_what_a_client_stops_receiving_ends() -> None:
    track = published("chromium-156/audio-video")["0"]
    session = Session()
    session.client.add("audio", "recvonly")
    session.client_offers(Intents(pulls=[Pull(track, "them")]))
    session.client.transceivers[0].direction = "inactive"
    answer = session.client_offers()
    assert answer.sending_ended == {"0"}
    session.client.transceivers[0].direction = "recvonly"
    assert section(session.client_offers().sdp, "0").direction == "inactive"


def test_a_section_of_unknown_codecs_is_refused() -> None:
    offer = vector("chromium-156/audio-video").replace("opus/48000/2", "speex/16000")
    for name in ("red/48000/2", "PCMU/8000", "PCMA/8000"):
        offer = offer.replace(name, "speex/8000")
    side = negotiation()
    first = vector("chromium-156/video-audio").replace("m=audio", "m=text")
    assert side.answer(first).refused == {"1"}
    # The section that carries the bundle is not rejected, and carries nothing.
    answer = negotiation().answer(offer)
    assert answer.receiving.keys() == {"1"}
    assert [(each.port, each.direction) for each in sections(answer.sdp)] == [
        (9, "inactive"),
        (9, "recvonly"),
    ]


def test_sections_outside_the_bundle_are_refused() -> None:
    offer = vector("chromium-156/audio-video")
    assert negotiation().answer(offer.replace("BUNDLE 0 1", "BUNDLE 0")).refused == {"1"}
    without = negotiation().answer(offer.replace("a=group:BUNDLE 0 1\r\n", ""))
    assert without.refused == {"1"}
    assert Description.cut(without.sdp).session.bundle is None


def test_rids_without_their_header_extensions_are_not_accepted() -> None:
    offer = vector("chromium-156/simulcast").replace("sdes:rtp-stream-id", "sdes:x")
    assert negotiation().answer(offer).receiving["1"].encodings == (Encoding("", None, None),)


@pytest.mark.parametrize(("theirs", "ours"), [("active", "passive"), ("passive", "active")])
def test_a_peer_that_chose_its_dtls_role_gets_the_other(theirs: str, ours: str) -> None:
    """RFC 8842 §5.3; and a role is kept when the peer leaves the choice."""
    side = negotiation()
    offer = vector("chromium-156/audio-video")
    answer = side.answer(offer.replace("a=setup:actpass", f"a=setup:{theirs}"))
    assert answer.remote is not None
    assert answer.remote.dtls_client is (ours == "active")
    for sdp in (answer.sdp, side.answer(offer).sdp):
        assert {each.transport.setup for each in sections(sdp)} == {ours}


def test_the_strongest_widespread_fingerprint_counts() -> None:
    answer = negotiation().answer(vector("aiortc-1.16.0/audio-video"))
    assert answer.remote is not None
    assert (answer.remote.algorithm, len(answer.remote.fingerprint)) == ("sha-256", 32)


def refused(side: Negotiation, offer: str) -> InvalidSessionDescription:
    before = side.answer(vector("chromium-156/audio-video"))
    with pytest.raises(InvalidSessionDescription) as error:
        side.answer(offer)
    again = side.answer(vector("chromium-156/audio-video"))
    assert (again.receiving, again.remote, again.extensions) == ({}, None, None)
    origin, after = before.sdp.split("\r\n", 2)[1].split(), again.sdp.split("\r\n", 2)[1].split()
    assert int(after[2]) == int(origin[2]) + 1
    return error.value


OFFER = vector("chromium-156/audio-video")


@pytest.mark.parametrize(
    "offer",
    [
        "v=0\r\n",
        OFFER.replace("a=mid:1", "a=mid:0"),
        OFFER.replace("a=mid:1", "a=mid:2"),
        OFFER.replace("m=video", "m=audio"),
        OFFER[: OFFER.index("m=video")],
        OFFER.replace("sha-256", "sha-1"),
        OFFER.replace("a=ssrc-group:FID", "a=ssrc-group:SIM"),
        OFFER + "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n",
    ],
    ids=["empty", "twins", "renamed", "kind", "shorter", "sha-1", "old simulcast", "third twin"],
)
def test_an_offer_that_cannot_be_accepted_is_refused_and_changes_nothing(offer: str) -> None:
    error = refused(negotiation(), offer)
    assert (error.status, error.code) == (406, "invalid_session_description")


@pytest.mark.parametrize(
    "offer",
    [
        "",
        "offer",
        OFFER.replace("a=ice-ufrag", "a=x"),
        OFFER.replace("a=ice-pwd", "a=x"),
        OFFER.replace("a=fingerprint", "a=x"),
        OFFER.replace("a=mid:1\r\n", ""),
        OFFER.replace("a=rtpmap:96 VP8/90000", "a=rtpmap:96 VP8"),
        "v=0\r\n" + "a=x\r\n" * 300_000,
    ],
    ids=["empty", "words", "ufrag", "pwd", "fingerprint", "mid", "rtpmap", "long"],
)
def test_an_offer_that_cannot_be_read_is_refused_and_changes_nothing(offer: str) -> None:
    error = refused(negotiation(), offer)
    assert isinstance(error, MalformedSessionDescription)
    assert error.status == 400


@pytest.mark.parametrize("secret", ["ice-ufrag", "ice-pwd", "fingerprint:sha-256 "])
def test_no_error_quotes_a_secret(secret: str) -> None:
    value = OFFER.partition(f"a={secret}")[2].partition("\r\n")[0].lstrip(":")
    broken = OFFER.replace(value, value[:3]) + "m=broken"
    with pytest.raises(MalformedSessionDescription) as error:
        negotiation().answer(broken)
    assert value[:3] not in str(error.value)


def test_more_sections_than_a_session_has_are_refused() -> None:
    client = Client()
    for _ in range(5):
        client.add("audio")
    with pytest.raises(InvalidSessionDescription, match="at most 4"):
        negotiation(sections=4).answer(client.offer())


def test_no_offer_is_answered_while_ours_waits() -> None:
    side = negotiation()
    side.offer([Pull(published("chromium-156/audio-video")["0"], "them")])
    with pytest.raises(SignalingStateNotStable) as error:
        side.answer(vector("chromium-156/audio-video"))
    assert (error.value.status, error.value.subcode) == (406, "signaling_state_not_stable")
