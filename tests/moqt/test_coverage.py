"""The page of obligations says what the tests say."""

from docs import moqt_coverage


def test_the_page_is_what_the_tests_name() -> None:
    assert moqt_coverage.PAGE.read_text() == moqt_coverage.page(), "run `make docs`"


def test_every_obligation_that_a_test_names_exists() -> None:
    assert moqt_coverage.unknown() == set()
