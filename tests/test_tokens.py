"""Relay tokens: what opens a relay, and the three ways in which one does not."""

import base64
import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from tidegate.errors import TokenError, TokenExpired, TokenMalformed, TokenUnauthorized
from tidegate.store.directory import Directory, RelayRecord
from tidegate.tokens import Grant, Operation, SigningKey, Verifier, mint

RELAY, JTI = "a1" * 16, "b2" * 16
NOW = 1_790_000_000
BOTH = (Operation.PUBLISH, Operation.SUBSCRIBE)

KEY = SigningKey("moq-v1", Ed25519PrivateKey.from_private_bytes(bytes(32)))


def token(**changes: Any) -> str:
    claims: dict[str, Any] = {
        "issuer": "cloudflare",
        "audience": "moq.cloudflare.com",
        "relay": RELAY,
        "jti": JTI,
        "operations": BOTH,
        "issued": NOW,
        "expires": NOW + 60,
    }
    return mint(changes.pop("key", KEY), **(claims | changes))


def signed(header: dict[str, Any], claims: Any, key: Ed25519PrivateKey = KEY.private) -> str:
    """Any header and any claims under a good signature."""

    def part(value: Any) -> str:
        raw = value if isinstance(value, bytes) else json.dumps(value).encode()
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    message = f"{part(header)}.{part(claims)}"
    return f"{message}.{part(key.sign(message.encode()))}"


@pytest.fixture
def directory() -> Directory:
    made = Directory()
    made.set_keys({KEY.kid: KEY.private.public_key()})
    made.update([relay_with(JTI)], [])
    return made


@pytest.fixture
def verifier(directory: Directory) -> Verifier:
    return Verifier(directory, issuer="cloudflare", audience="moq.cloudflare.com")


def relay_with(*tokens: str) -> RelayRecord:
    return RelayRecord(RELAY, "c" * 32, True, 30_000, (), frozenset(tokens))


def test_a_token_has_the_header_and_claims_that_clients_know() -> None:
    minted = token()
    assert jwt.get_unverified_header(minted) == {"alg": "EdDSA", "kid": "moq-v1", "typ": "JWT"}
    assert jwt.decode(minted, options={"verify_signature": False}) == {
        "iss": "cloudflare",
        "aud": "moq.cloudflare.com",
        "sub": RELAY,
        "jti": JTI,
        "operations": ["publish", "subscribe"],
        "iat": NOW,
        "exp": NOW + 60,
    }


def test_a_good_token_grants_what_it_says(verifier: Verifier) -> None:
    assert verifier.verify(token(), NOW) == Grant(RELAY, JTI, frozenset(BOTH), NOW + 60)
    only = verifier.verify(token(operations=[Operation.SUBSCRIBE]), NOW)
    assert only.operations == {Operation.SUBSCRIBE}


def test_ed25519_is_another_name_of_the_algorithm(verifier: Verifier) -> None:
    claims = jwt.decode(token(), options={"verify_signature": False})
    alias = signed({"alg": "Ed25519", "kid": "moq-v1"}, claims)
    assert verifier.verify(alias, NOW).relay == RELAY


def test_operations_that_came_later_are_passed_over(verifier: Verifier) -> None:
    claims = jwt.decode(token(), options={"verify_signature": False})
    claims["operations"] = ["subscribe", "fetch"]
    newer = signed({"alg": "EdDSA", "kid": "moq-v1"}, claims)
    assert verifier.verify(newer, NOW).operations == {Operation.SUBSCRIBE}


@pytest.mark.parametrize("at", [NOW + 60, NOW + 60.001, NOW + 10**9])
def test_expiry_has_no_grace(verifier: Verifier, at: float) -> None:
    verifier.verify(token(), NOW + 59.999)
    with pytest.raises(TokenExpired):
        verifier.verify(token(), at)


def test_the_issuers_clock_may_run_a_minute_ahead(verifier: Verifier) -> None:
    verifier.verify(token(issued=NOW + 60, expires=NOW + 99), NOW)
    with pytest.raises(TokenUnauthorized):
        verifier.verify(token(issued=NOW + 61, expires=NOW + 99), NOW)


def test_revocation_counts_at_once_for_a_token_seen_before(
    verifier: Verifier, directory: Directory
) -> None:
    verifier.verify(token(), NOW)
    directory.update([relay_with()], [])
    with pytest.raises(TokenUnauthorized):
        verifier.verify(token(), NOW)


def test_a_deleted_relay_opens_to_nobody(verifier: Verifier, directory: Directory) -> None:
    verifier.verify(token(), NOW)
    directory.update([], [RELAY])
    with pytest.raises(TokenUnauthorized):
        verifier.verify(token(), NOW)


def test_a_retired_key_counts_at_once_for_a_token_seen_before(
    verifier: Verifier, directory: Directory
) -> None:
    verifier.verify(token(), NOW)
    directory.set_keys({"moq-v2": Ed25519PrivateKey.generate().public_key()})
    with pytest.raises(TokenUnauthorized):
        verifier.verify(token(), NOW)


def test_tokens_of_every_unretired_key_are_good(verifier: Verifier, directory: Directory) -> None:
    second = SigningKey("moq-v2", Ed25519PrivateKey.generate())
    directory.set_keys({"moq-v1": KEY.private.public_key(), "moq-v2": second.private.public_key()})
    assert verifier.verify(token(), NOW) == verifier.verify(token(key=second), NOW)


STRANGER = Ed25519PrivateKey.generate()
JWK = {"kty": "OKP", "crv": "Ed25519", "x": base64.urlsafe_b64encode(bytes(32)).decode()}


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: token(key=SigningKey("moq-v1", STRANGER)), id="other key, our kid"),
        pytest.param(lambda: token(key=SigningKey("moq-v9", STRANGER)), id="unknown kid"),
        pytest.param(lambda: token(issuer="somebody"), id="other issuer"),
        pytest.param(lambda: token(audience="elsewhere"), id="other audience"),
        pytest.param(lambda: token(relay="d" * 32), id="unknown relay"),
        pytest.param(lambda: token(jti="d" * 32), id="unknown token"),
        pytest.param(
            lambda: signed({"alg": "EdDSA", "jwk": JWK, "kid": "x"}, {}, STRANGER), id="own jwk"
        ),
        pytest.param(lambda: signed({"alg": "EdDSA"}, {}), id="no kid"),
    ],
)
def test_what_is_not_ours_opens_nothing(verifier: Verifier, make: Callable[[], str]) -> None:
    with pytest.raises(TokenUnauthorized):
        verifier.verify(make(), NOW)


GOOD = jwt.decode(token(), options={"verify_signature": False})
HEADER = {"alg": "EdDSA", "kid": "moq-v1"}


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "x",
        "..",
        "a.b.c",
        token() + "x",
        token() + "=",
        " " + token(),
        token() + "\n",
        token().replace(".", "!"),
        "é" * 500,
        "A" * 100_000,
        jwt.encode(GOOD, "a secret long enough for HS256 to be content", "HS256"),
        signed({"alg": "none", "kid": "moq-v1"}, GOOD),
        signed({"alg": "HS256", "kid": "moq-v1"}, GOOD),
        signed(HEADER, b"no json"),
        signed(HEADER, []),
        signed(HEADER, GOOD | {"sub": "A" * 32}),
        signed(HEADER, GOOD | {"sub": RELAY + "\n"}),
        signed(HEADER, GOOD | {"aud": ["moq.cloudflare.com"]}),
        signed(HEADER, GOOD | {"exp": "tomorrow"}),
        signed(HEADER, GOOD | {"operations": "publish"}),
        signed(HEADER, {key: value for key, value in GOOD.items() if key != "exp"}),
        signed(HEADER | {"crit": ["x"], "x": 1}, GOOD),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_what_is_no_relay_token_is_malformed(verifier: Verifier, bad: str) -> None:
    with pytest.raises(TokenMalformed):
        verifier.verify(bad, NOW)


@given(st.text(max_size=600))
def test_any_text_is_refused_with_a_typed_error_that_does_not_repeat_it(text: str) -> None:
    verifier = Verifier(Directory(), issuer="i", audience="a")
    with pytest.raises(TokenError) as caught:
        verifier.verify(text, NOW)
    assert len(text) < 8 or text not in str(caught.value)


@given(st.integers(0, 410), st.sampled_from("AB_-.\x00é"))
def test_a_token_with_one_character_changed_opens_nothing(position: int, character: str) -> None:
    directory = Directory()
    directory.set_keys({KEY.kid: KEY.private.public_key()})
    directory.update([relay_with(JTI)], [])
    verifier = Verifier(directory, issuer="cloudflare", audience="moq.cloudflare.com")
    good = token()
    position %= len(good) - 1  # the last character's low bits mean nothing in base64
    changed = good[:position] + character + good[position + 1 :]
    if changed != good:
        with pytest.raises(TokenError):
            verifier.verify(changed, NOW)


def test_the_memory_of_good_signatures_is_bounded(directory: Directory) -> None:
    verifier = Verifier(directory, issuer="cloudflare", audience="moq.cloudflare.com", remembered=2)
    for extra in range(5):
        verifier.verify(token(expires=NOW + 60 + extra), NOW)
    assert len(verifier._signed) == 2
