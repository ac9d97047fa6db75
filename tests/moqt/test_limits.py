"""Every limit is documented, and the page says what the code says."""

from docs import limits


def test_the_page_states_the_limits() -> None:
    assert limits.PAGE.read_text() == limits.page(), "run `make docs`"


def test_every_limit_of_the_rules_has_a_sentence() -> None:
    assert limits.undocumented() == set()
