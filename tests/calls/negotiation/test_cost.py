"""What is unchanged costs next to nothing: sections are read when their text is new, and written
when they changed."""

import pytest
from tidegate.calls.negotiation import Intents, Pull
from tidegate.calls.negotiation.section import NegotiatedSection
from tidegate.calls.sdp import Section

from tests.calls.negotiation.client import Session, published

TRACK = published("chromium-156/simulcast")["1"]


class Work:
    """How many sections were read and written since the last look."""

    def __init__(self) -> None:
        self.read = 0
        self.written = 0

    def since(self) -> tuple[int, int]:
        found = self.read, self.written
        self.read = self.written = 0
        return found


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    counted = Work()
    parse, write = Section.parse, NegotiatedSection._write

    def counting_parse(text: str) -> Section:
        counted.read += 1
        return parse(text)

    def counting_write(section: NegotiatedSection) -> Section:
        counted.written += 1
        return write(section)

    monkeypatch.setattr(Section, "parse", counting_parse)
    monkeypatch.setattr(NegotiatedSection, "_write", counting_write)
    return counted


def test_a_pull_beside_200_others_touches_its_own_section(work: Work) -> None:
    session = Session()
    for _ in range(4):
        session.pull(*[Pull(TRACK, "them")] * 50)
    work.since()
    offer = session.negotiation.offer([Pull(TRACK, "them")])
    assert work.since() == (0, 1)
    answer = session.client.answer(offer.sdp)
    work.since()
    session.negotiation.accept_answer(answer)
    assert work.since() == (1, 1)


def test_a_push_beside_200_others_touches_its_own_section(work: Work) -> None:
    session = Session()
    for _ in range(200):
        session.client.add("audio")
    session.client_offers()
    session.client.add("video", rids="fhq")
    offer = session.client.offer()
    work.since()
    session.negotiation.answer(offer)
    assert work.since() == (1, 1)


def test_a_client_that_describes_200_sections_anew_is_read_once_a_kind(work: Work) -> None:
    """Its offer lists every codec of the browser where its answer had listed the negotiated."""
    session = Session()
    session.pull(*[Pull(TRACK, "them")] * 200)
    session.client.add("audio")
    offer = session.client.offer()
    work.since()
    answer = session.negotiation.answer(offer)
    assert answer.receiving.keys() == {"200"}
    read, written = work.since()
    assert read <= 3
    assert written <= 2


def test_offers_and_answers_in_turn_touch_nothing(work: Work) -> None:
    session = Session()
    session.client.add("audio")
    session.client.add("video", rids="fhq")
    session.client_offers()
    session.pull(Pull(TRACK, "them"))
    for _ in range(3):
        session.client_offers()
        session.pull()
        offer = session.client.offer()
        work.since()
        answer = session.negotiation.answer(offer, Intents(close=["7"]))
        assert work.since() == (0, 0)
        session.client.take_answer(answer.sdp)
        accepted = session.client.answer(session.negotiation.offer().sdp)
        work.since()
        session.negotiation.accept_answer(accepted)
        assert work.since() == (0, 0)


def test_a_restart_of_ice_reads_everything_and_writes_nothing(work: Work) -> None:
    session = Session()
    for _ in range(20):
        session.client.add("audio")
    session.client_offers()
    session.client.ufrag = "efgh"
    offer = session.client.offer()
    work.since()
    assert session.negotiation.answer(offer).credentials is not None
    assert work.since() == (20, 0)
