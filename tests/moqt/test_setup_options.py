"""What endpoints say of themselves, and where they may say it."""

import pytest
from tidegate.moqt.codes import SessionCode
from tidegate.moqt.errors import DecodeError, ProtocolViolation
from tidegate.moqt.messages import ClientSetup, ServerSetup, SetupOptions, decode, encode
from tidegate.moqt.token import Token
from tidegate.moqt.version import D14, D16, PROFILES, Profile

ALL_DRAFTS = pytest.mark.parametrize("profile", PROFILES, ids=str)


def arrive(profile: Profile, options: SetupOptions) -> SetupOptions:
    message = decode(profile, 0x20, encode(profile, ClientSetup((), options))[3:])
    assert isinstance(message, ClientSetup)
    return message.options


@ALL_DRAFTS
def test_unknown_options_are_ignored_also_twice(profile: Profile) -> None:
    """S6. Draft-14 also has a list of versions, empty here."""
    repeated = "00 01 78" if profile.type_deltas else "11 01 78"
    versions = "00" if profile.versions_in_setup else ""
    data = bytes.fromhex(f"{versions} 02 11 01 78 {repeated}")
    assert decode(profile, 0x20, data) == ClientSetup()


def test_quirk_moq_dev_has_options_of_its_own() -> None:
    """0x40b54 to 0x40b5c; ignored, and never echoed."""
    data = bytes.fromhex("03 02 4064 80040b52 07 06 01")
    assert decode(D16, 0x20, data) == ClientSetup(options=SetupOptions(max_request_id=100))


@pytest.mark.parametrize("data", ["02 02 4064 00 4064", "02 01 012f 00 012f"])
def test_a_repeated_option_closes_the_session(data: str) -> None:
    with pytest.raises(ProtocolViolation, match="repeated"):
        decode(D16, 0x20, bytes.fromhex(data))


def test_tokens_may_be_repeated() -> None:
    tokens = (Token.use_value(b"one"), Token.register(1, b"two"))
    assert arrive(D16, SetupOptions(tokens=tokens)).tokens == tokens


@pytest.mark.parametrize("token", [Token.use_alias(1), Token.delete(1)], ids=str)
def test_a_token_in_setup_names_no_alias_from_16_on(token: Token) -> None:
    options = SetupOptions(tokens=(token,))
    assert arrive(D14, options) == options
    with pytest.raises(ProtocolViolation, match="alias"):
        arrive(D16, options)


@ALL_DRAFTS
def test_a_path_over_webtransport_closes_the_session(profile: Profile) -> None:
    options = arrive(profile, SetupOptions(path="/relay"))
    assert options.on_carrier(profile, webtransport=False).path == "/relay"
    with pytest.raises(DecodeError) as caught:
        options.on_carrier(profile, webtransport=True)
    assert caught.value.code is SessionCode.INVALID_PATH


def test_an_authority_over_webtransport_closes_the_session_at_16() -> None:
    options = arrive(D16, SetupOptions(authority="relay.example"))
    with pytest.raises(DecodeError) as caught:
        options.on_carrier(D16, webtransport=True)
    assert caught.value.code is SessionCode.INVALID_AUTHORITY


def test_quirk_option_5_at_14_is_an_authority_or_a_name() -> None:
    """Draft-14 gives 0x05 to AUTHORITY and to MOQT_IMPLEMENTATION."""
    authority = arrive(D14, SetupOptions(authority="relay.example:4443"))
    name = arrive(D14, SetupOptions(authority="someone/1.0 (linux)"))
    over_quic = {"webtransport": False}
    assert authority.on_carrier(D14, **over_quic) == SetupOptions(authority="relay.example:4443")
    assert name.on_carrier(D14, **over_quic) == SetupOptions(implementation="someone/1.0 (linux)")
    assert authority.on_carrier(D14, webtransport=True) == SetupOptions(
        implementation="relay.example:4443"
    )


def test_quirk_the_later_number_of_implementation_is_used_at_14_too() -> None:
    """aiomoqt does the same: 0x07 is no option of draft-14, so others ignore it."""
    message = ClientSetup(options=SetupOptions(implementation="abc"))
    assert encode(D14, message).hex(" ") == "20 00 07 00 01 07 03 61 62 63"
    assert decode(D14, 0x20, encode(D14, message)[3:]) == message


@pytest.mark.parametrize("path", ["", "/", "/a/b?jwt=x.y-z", "?x", "/%20~"])
def test_paths_of_a_uri(path: str) -> None:
    options = arrive(D16, SetupOptions(path=path))
    assert options.on_carrier(D16, webtransport=False).path == path


@pytest.mark.parametrize("path", ["relay", "/a b", "/a#b", "/\x7f", "/é", "/\x00", "/<"])
def test_a_malformed_path_closes_the_session_without_being_named(path: str) -> None:
    options = arrive(D16, SetupOptions(path=path))
    with pytest.raises(DecodeError) as caught:
        options.on_carrier(D16, webtransport=False)
    assert caught.value.code is SessionCode.MALFORMED_PATH
    assert path not in str(caught.value)


@pytest.mark.parametrize("authority", ["", "a b", "a/b", "a?b", "a#b"])
def test_a_malformed_authority_closes_the_session_at_16(authority: str) -> None:
    options = arrive(D16, SetupOptions(authority=authority))
    with pytest.raises(DecodeError) as caught:
        options.on_carrier(D16, webtransport=False)
    assert caught.value.code is SessionCode.MALFORMED_AUTHORITY


@pytest.mark.parametrize(
    ("profile", "options", "code"),
    [
        (D14, SetupOptions(path="/"), SessionCode.INVALID_PATH),
        (D16, SetupOptions(path="/"), SessionCode.INVALID_PATH),
        (D16, SetupOptions(authority="a"), SessionCode.INVALID_AUTHORITY),
    ],
    ids=str,
)
def test_a_server_with_a_path_or_an_authority_closes_the_session(
    profile: Profile, options: SetupOptions, code: SessionCode
) -> None:
    frame = encode(profile, ServerSetup(0xFF00000E, options))
    with pytest.raises(DecodeError) as caught:
        decode(profile, 0x21, frame[3:])
    assert caught.value.code is code


def test_option_5_of_a_draft_14_server_is_its_name() -> None:
    frame = encode(D14, ServerSetup(0xFF00000E, SetupOptions(authority="relay/2")))
    assert decode(D14, 0x21, frame[3:]) == ServerSetup(
        0xFF00000E, SetupOptions(implementation="relay/2")
    )
