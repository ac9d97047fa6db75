"""UNSUBSCRIBE_NAMESPACE in its two forms."""

import pytest
from tidegate.moqt.errors import DecodeError
from tidegate.moqt.messages import SubscribeNamespace, UnsubscribeNamespace, decode, encode
from tidegate.moqt.version import D14


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ("01 04 6c697665", UnsubscribeNamespace((b"live",))),
        ("02", UnsubscribeNamespace(request_id=2)),
        ("41 00", UnsubscribeNamespace(request_id=256)),
        ("01 00", UnsubscribeNamespace((b"",))),
        # Request 0, or the empty prefix.
        ("00", UnsubscribeNamespace((), 0)),
    ],
)
def test_quirk_moq_dev_names_the_request(payload: str, message: UnsubscribeNamespace) -> None:
    """moq-dev at 14 sends a Request ID where the draft has the prefix."""
    assert decode(D14, 0x14, bytes.fromhex(payload)) == message


@pytest.mark.parametrize("payload", ["", "40", "0201", "01046c6976", "01046c69766500"])
def test_what_is_neither_closes_the_session(payload: str) -> None:
    with pytest.raises(DecodeError):
        decode(D14, 0x14, bytes.fromhex(payload))


def test_quirk_moq_dev_subscribes_to_the_empty_prefix_at_14() -> None:
    message = SubscribeNamespace(0, ())
    assert decode(D14, 0x11, encode(D14, message)[3:]) == message
