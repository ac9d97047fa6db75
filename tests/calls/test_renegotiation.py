"""Who offers, and the serialization rule ("Offer and answer", "HTTPS API")."""

import pytest

from tests.calls.harness import Sfu

GLARE = (406, "invalid_session_description", "signaling_state_not_stable")
LATE = (406, "invalid_session_description", None)


def test_an_answer_completes_the_exchange_once() -> None:
    """``200 {}``; a replay is never accepted."""
    sfu = Sfu()
    publisher, subscriber = sfu.publisher("cam"), sfu.client()
    reply = subscriber.ask((publisher, "cam"))
    subscriber.take_offer(reply.sdp)
    answer = subscriber.answer()
    assert subscriber.renegotiate(answer).ok == {}
    assert subscriber.renegotiate(answer).error == LATE
    assert len(sfu.engine.sinks) == 1


def test_an_answer_to_nothing_is_refused() -> None:
    sfu = Sfu()
    client = sfu.publisher("cam")
    assert client.renegotiate(client.answer()).error == LATE


def test_an_offer_is_no_answer() -> None:
    sfu = Sfu()
    client = sfu.publisher("cam")
    reply = client.renegotiate(client.offer(), "offer")
    assert reply.error == (406, "invalid_params", None)
    assert reply.json["errorDescription"] == "sessionDescription.type=answer is expected"
    assert "tracks" not in reply.json
    assert client.call("renegotiate", {}).error == (406, "invalid_params", None)


def test_while_an_offer_is_open_nothing_else_that_needs_sdp_begins() -> None:
    sfu = Sfu()
    publisher, client = sfu.publisher("cam"), sfu.client()
    offer = client.ask((publisher, "cam"))
    assert client.ask((publisher, "cam")).error == GLARE
    assert client.call(
        "new_tracks", {"tracks": [{"location": "local", "trackName": "t", "kind": "audio"}]}
    ).error == (GLARE)
    line = client.add("audio")
    assert client.push_offer(("mic", line.mid)).error == GLARE
    client.lines.remove(line)
    client.finish(offer)
    assert [*client.sinks] == ["0"]


@pytest.mark.parametrize("sdp", ["", "v=0", "hello", "v=0\r\n" * 10_000])
def test_an_answer_that_cannot_be_accepted_leaves_the_offer_open(sdp: str) -> None:
    sfu = Sfu()
    publisher, client = sfu.publisher("cam"), sfu.client()
    offer = client.ask((publisher, "cam"))
    status, code, _ = client.renegotiate(sdp).error
    assert (status, code) in [
        (400, "invalid_session_description"),
        (406, "invalid_session_description"),
    ]
    assert client.ask((publisher, "cam")).error == GLARE
    client.finish(offer)


def test_an_offer_that_is_never_answered_goes_with_its_session() -> None:
    sfu = Sfu()
    publisher, client = sfu.publisher("cam"), sfu.client()
    client.ask((publisher, "cam"))
    sfu.advance(61)
    assert client.state().error == (410, "session_error", None)
    assert publisher.session.names["cam"].subscriptions == set()


def test_sessions_do_not_hold_each_other_up() -> None:
    sfu = Sfu()
    publisher, one, other = sfu.publisher("cam"), sfu.client(), sfu.client()
    first = one.ask((publisher, "cam"))
    assert other.pull((publisher, "cam")) == ["0"]
    publisher.push("mic")
    one.finish(first)


@pytest.mark.parametrize("cut", [300, 100, 40, 5])
def test_no_error_quotes_a_description_or_a_password(cut: int) -> None:
    sfu = Sfu()
    client = sfu.client()
    client.add("video")
    sdp = client.offer().replace("a=setup:actpass", "a=setup:secret")[:-cut]
    reply = client.call(
        "new_tracks",
        {
            "sessionDescription": {"type": "offer", "sdp": sdp},
            "tracks": [{"location": "local", "mid": "0", "trackName": "t"}],
        },
    )
    assert reply.status in (400, 406)
    for word in ("secret", "p" * 24, client.ufrag, "11:11"):
        assert word not in str(reply.json)
