"""Which draft a session speaks, as the offers decide."""

import pytest
from tidegate.moqt.version import (
    D14,
    D16,
    PROFILES,
    Profile,
    WebTransportChoice,
    alpns,
    choose_webtransport,
    from_alpn,
    select_version,
    setup_version,
)

MOQ_LITE_01, MOQ_LITE_02 = 0xFF0DAD01, 0xFF0DAD02


def test_a_listener_offers_its_drafts_by_preference() -> None:
    assert alpns() == ["moqt-16", "moq-00"]
    assert alpns([D14]) == ["moq-00"]


def test_the_alpn_that_tls_chose_names_the_setup_to_expect() -> None:
    assert from_alpn("moqt-16") is D16
    assert from_alpn("moq-00") is D14
    assert from_alpn("moqt-18") is None


def test_draft_14_is_chosen_by_its_number_in_setup() -> None:
    assert setup_version(D14) == 0xFF00000E
    assert select_version([MOQ_LITE_02, MOQ_LITE_01, 0xFF00000E]) is D14


def test_a_list_without_our_drafts_has_no_version() -> None:
    """Also 0xff000010: draft-16 is never chosen in SETUP."""
    assert select_version([0xFF00000D, 0xFF000010, MOQ_LITE_01]) is None
    assert select_version([]) is None
    assert select_version([0xFF00000E], [D16]) is None


@pytest.mark.parametrize(
    ("offered", "profile", "echo"),
    [
        (["moqt-18", "moqt-16", "moq-00"], D16, "moqt-16"),
        (["moq-00", "moqt-16"], D16, "moqt-16"),
        (["moq-lite-05", "moql", "moq-00"], D14, "moq-00"),
        (["moq-00"], D14, "moq-00"),
        (["moql"], D14, None),
        ([], D14, None),
    ],
    ids=str,
)
def test_webtransport_echoes_what_both_sides_speak(
    offered: list[str], profile: Profile, echo: str | None
) -> None:
    assert choose_webtransport(offered) == WebTransportChoice(profile, echo)


def test_quirk_moq_net_offers_nothing_of_ours_and_speaks_draft_14() -> None:
    """@moq/net never offers moq-00: without an echo it sends a CLIENT_SETUP of 14."""
    assert choose_webtransport(["moq-lite-04", "moqt-20", "moqt-18"]) == WebTransportChoice(
        D14, None
    )


def test_without_draft_14_a_client_with_nothing_in_common_is_refused() -> None:
    assert choose_webtransport(["moqt-18"], [D16]) is None
    assert choose_webtransport([], [D16]) is None


def test_quirk_shaka_needs_the_echo_of_moq_00() -> None:
    """Shaka's AUTO takes silence for draft-16, also at a listener that has only 14."""
    choice = choose_webtransport(["moqt-16", "moq-00"], [D14])
    assert choice == WebTransportChoice(D14, "moq-00")


@pytest.mark.parametrize("suffix", ["moqt-16-meta-00", "moqt-15-meta-05"])
def test_quirk_private_names_of_moxygen_are_not_ours(suffix: str) -> None:
    assert from_alpn(suffix) is None
    assert choose_webtransport([suffix]) == WebTransportChoice(D14, None)


def test_profiles_can_be_told_apart_and_kept_in_sets() -> None:
    assert len({*PROFILES}) == len(PROFILES)
    assert [str(profile) for profile in PROFILES] == ["draft-16", "draft-14"]
