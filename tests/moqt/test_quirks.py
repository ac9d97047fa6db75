"""What clients in the wild do, and what they got for it."""

import pytest
from tidegate.moqt import messages
from tidegate.moqt.codes import DoneCode, RequestCode, RequestKind, SessionCode
from tidegate.moqt.messages import RelativeJoiningFetch
from tidegate.moqt.names import Location
from tidegate.moqt.subscription import LARGEST_OBJECT, GroupOrder
from tidegate.moqt.version import D14, D16, Profile

from tests.moqt.harness import PROFILES, RelayNet, namespace, token, track

profiles = pytest.mark.parametrize("profile", PROFILES, ids=str)


def test_shaka_sends_group_order_0() -> None:
    """Shaka 5.2.12 at 16: counts as the publisher's order."""
    net = RelayNet()
    publisher, player = net.client(D16), net.client(D16)
    publisher.publish_namespace("tide/media")
    publisher.serve()
    player.say_bytes(
        bytes.fromhex("03001f 00 02 0474696465 056d65646961 07636174616c6f67")
        + bytes.fromhex("04 1001 1000 010102 0100")
    )
    assert player.take(messages.SubscribeOk).request_id == 0
    (sink,) = net.engine.sinks.values()
    assert (sink.priority, sink.descending) == (0, False)


def test_shaka_reads_its_draft_from_the_echo() -> None:
    """Shaka's AUTO assumes 16 unless moq-00 is echoed: whatever was offered and chosen is."""
    net = RelayNet()
    for offered, echoed in (
        (["moqt-16", "moq-00"], "moqt-16"),
        (["moq-00", "moqt-16"], "moqt-16"),
        (["moq-00"], "moq-00"),
        (["moqt-18", "moqt-16", "moq-00"], "moqt-16"),
    ):
        assert net.dial(D16, protocols=offered).protocol == echoed


def test_moq_net_offers_no_protocol_of_draft_14() -> None:
    """@moq/net without an echo: CLIENT_SETUP of draft-14, moq-lite's versions first."""
    net = RelayNet()
    client = net.dial(D14, protocols=["moq-lite-04", "moql", "moqt-20", "moqt-18"])
    assert client.refused_with is None
    assert client.protocol is None
    client.setup(versions=(0xFF0DAD02, 0xFF0DAD01, 0xFF00000E))
    assert client.take(messages.ServerSetup).version == 0xFF00000E
    assert client.closed is None


def test_moxygens_own_names_are_not_drafts() -> None:
    """moxygen: ``moqt-16-meta-00`` is not ``moqt-16``."""
    net = RelayNet()
    assert net.dial(D16, transport="quic", alpn="moqt-16-meta-00").refused_with == 400
    both = net.dial(D16, protocols=["moqt-16-meta-00", "moqt-16"])
    assert both.protocol == "moqt-16"


@profiles
def test_old_moq_net_publishers_take_only_simple_subscribes(profile: Profile) -> None:
    """@moq/net ≤ 0.1.9 drops other filters, or Forward = 0, without an answer."""
    net = RelayNet()
    publisher, subscriber = net.client(profile), net.client(profile)
    publisher.publish_namespace("live")
    subscriber.subscribe("live", "video", filter=None, forward=False)
    asked = publisher.take(messages.Subscribe)
    assert (asked.filter, asked.forward) == (LARGEST_OBJECT, True)
    # And what it drops must not hang its subscribers.
    net.advance(11)
    assert subscriber.take(messages.RequestError).code is RequestCode.TIMEOUT


@profiles
def test_moq_dev_joins_the_current_group(profile: Profile) -> None:
    """moq-dev subscribes Largest Object, descending, and fetches what it missed of the group."""
    net = RelayNet()
    publisher, viewer = net.client(profile), net.client(profile)
    publisher.publish("live", "video")
    publisher.objects((6, 0), (7, 0), (7, 1))
    joined = viewer.subscribe("live", "video", group_order=GroupOrder.DESCENDING)
    viewer.fetch(RelativeJoiningFetch(joined, 0))
    assert viewer.take(messages.SubscribeOk).largest == Location(7, 1)
    assert viewer.take(messages.FetchOk).end == Location(7, 2)
    (sink,) = net.engine.sinks.values()
    assert sink.descending


@profiles
def test_moq_dev_rejects_publish(profile: Profile) -> None:
    """moq-dev answers PUBLISH with NOT_SUPPORTED, and then finds tracks by namespace."""
    net = RelayNet()
    publisher, viewer = net.client(profile), net.client(profile)
    viewer.subscribe_namespace("live")
    publisher.publish_namespace("live")
    publisher.publish("live", "a")
    refused = viewer.take(messages.Publish)
    viewer.say(
        messages.RequestError(refused.request_id, RequestKind.PUBLISH, RequestCode.NOT_SUPPORTED)
    )
    publisher.publish("live", "b")
    assert viewer.count(messages.Publish) == 0
    viewer.subscribe("live", "a")
    viewer.take(messages.SubscribeOk)


def test_moq_dev_subscribes_the_empty_prefix_at_14() -> None:
    """moq-dev at 14: an empty prefix, and UNSUBSCRIBE_NAMESPACE with the Request ID."""
    net = RelayNet()
    publisher, viewer = net.client(D14), net.client(D14)
    request_id = viewer.subscribe_namespace("")
    viewer.take(messages.RequestOk)
    publisher.publish_namespace("live/cam")
    assert viewer.take(messages.PublishNamespace).namespace == namespace("live/cam")
    # Type 0x14, length 1, the Request ID.
    viewer.say_bytes(bytes([0x14, 0, 1, request_id]))
    assert viewer.take(messages.PublishNamespaceDone).namespace == namespace("live/cam")
    publisher.publish_namespace("live/other")
    assert viewer.heard == []
    assert viewer.closed is None


def test_moq_dev_unsubscribes_a_prefix_by_request_id_at_14() -> None:
    """moq-dev at 14: also where the Request ID is not 0."""
    net = RelayNet()
    publisher, viewer = net.client(D14), net.client(D14)
    viewer.publish_namespace("own")
    request_id = viewer.subscribe_namespace("live")
    viewer.heard.clear()
    viewer.say_bytes(bytes([0x14, 0, 1, request_id]))
    publisher.publish_namespace("live/other")
    assert viewer.heard == []
    assert viewer.closed is None


@profiles
@pytest.mark.parametrize("number", [404, 500])
def test_moq_devs_error_codes(profile: Profile, number: int) -> None:
    """moq-dev sends HTTP's numbers: an unknown code is INTERNAL_ERROR, and closes nothing."""
    net = RelayNet()
    publisher, subscriber = net.client(profile), net.client(profile)
    publisher.publish_namespace("live")
    subscriber.subscribe("live", "video")
    request_id = publisher.take(messages.Subscribe).request_id
    retry = b"\0" if profile.has_retry_interval else b""
    body = bytes([request_id]) + (0x4000 | number).to_bytes(2, "big") + retry + b"\0"
    publisher.say_bytes(b"\x05" + len(body).to_bytes(2, "big") + body)
    assert subscriber.take(messages.RequestError).code is RequestCode.INTERNAL_ERROR
    assert publisher.closed is None


@profiles
def test_moq_devs_end_status(profile: Profile) -> None:
    """moq-dev ends a subscription with status 200."""
    net = RelayNet()
    publisher, subscriber = net.client(profile), net.client(profile)
    request_id = publisher.publish("live", "video")
    subscriber.subscribe("live", "video")
    body = bytes([request_id]) + (0x4000 | 200).to_bytes(2, "big") + b"\0\0"
    publisher.say_bytes(b"\x0b" + len(body).to_bytes(2, "big") + body)
    assert subscriber.take(messages.PublishDone).code is DoneCode.INTERNAL_ERROR
    assert publisher.closed is None


@profiles
def test_moq_devs_private_setup_options(profile: Profile) -> None:
    """moq-dev's 0x40B54–0x40B5C are ignored, and never echoed."""
    net = RelayNet()
    client = net.dial(profile)
    versions = "01c0000000ff00000e" if profile is D14 else ""
    body = bytes.fromhex(versions + "01" + "80040b5a" + "01")
    client.say_bytes(b"\x20" + len(body).to_bytes(2, "big") + body)
    client.take(messages.ServerSetup)
    client.publish_namespace("live")
    assert client.closed is None


def test_a_draft_14_client_names_itself_in_authoritys_place() -> None:
    """Option 0x05 over WebTransport at 14 is the implementation's name, not AUTHORITY."""
    net = RelayNet()
    client = net.dial(D14)
    body = bytes.fromhex("01c0000000ff00000e" + "01" + "05" + "04") + b"test"
    client.say_bytes(b"\x20" + len(body).to_bytes(2, "big") + body)
    client.take(messages.ServerSetup)
    assert client.closed is None


def test_an_unknown_parameter_is_ignored_at_14_and_closes_at_16() -> None:
    """aiomoqt is strict here, and so are the drafts."""
    net = RelayNet()
    for profile in PROFILES:
        client = net.client(profile)
        # PUBLISH_NAMESPACE with one parameter of the unknown type 0x3E.
        body = bytes([0, 1, 4]) + b"live" + bytes([1, 0x3E, 0])
        client.say_bytes(b"\x06" + len(body).to_bytes(2, "big") + body)
        if profile is D14:
            client.take(messages.RequestOk)
            assert client.closed is None
        else:
            assert client.closed is not None
            assert client.closed[0] is SessionCode.PROTOCOL_VIOLATION


@profiles
def test_a_client_that_subscribes_blindly_after_its_token_changed(profile: Profile) -> None:
    """Two tokens of one relay saw different scopes on a hosted service: ours is the relay."""
    net = RelayNet()
    publisher = net.dial(profile, path=f"/{token(jti='first')}")
    publisher.setup()
    publisher.publish("live", "video")
    viewer = net.dial(profile, path=f"/{token('s', jti='second')}")
    viewer.setup()
    viewer.subscribe("live", "video")
    viewer.take(messages.SubscribeOk)
    viewer.say(messages.TrackStatus(viewer.next_request(), track("live", "video")))
    viewer.take(messages.RequestOk)
