"""The Token structure: four forms, and nothing else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tidegate.moqt.codes import SessionCode
from tidegate.moqt.errors import KeyValueFormattingError
from tidegate.moqt.token import AliasType, Token


@pytest.mark.parametrize(
    ("structure", "token"),
    [
        ("0300616263", Token.use_value(b"abc")),
        ("0301", Token.use_value(b"", type=1)),
        ("010500616263", Token.register(5, b"abc")),
        ("0205", Token.use_alias(5)),
        ("0005", Token.delete(5)),
    ],
)
def test_the_four_forms(structure: str, token: Token) -> None:
    assert Token.decode(bytes.fromhex(structure)) == token
    assert token.encode().hex() == structure


@pytest.mark.parametrize(
    "structure",
    ["", "03", "01", "0105", "02", "00", "020500", "000500", "04", "0400", "4100", "c0"],
)
def test_what_is_no_token_closes_the_session(structure: str) -> None:
    with pytest.raises(KeyValueFormattingError) as caught:
        Token.decode(bytes.fromhex(structure))
    assert caught.value.code is SessionCode.KEY_VALUE_FORMATTING_ERROR


@settings(deadline=None)
@given(st.binary(max_size=40))
def test_any_bytes_are_a_token_or_a_formatting_error(structure: bytes) -> None:
    try:
        token = Token.decode(structure)
    except KeyValueFormattingError:
        return
    assert Token.decode(token.encode()) == token


def test_a_token_never_prints_its_value() -> None:
    assert "secret" not in repr(Token.use_value(b"secret"))
    assert AliasType.USE_VALUE.name in repr(Token.use_value(b"secret"))
