"""A bug that the rules met and survived fails the test all the same."""

from collections.abc import Iterator

import pytest
from tidegate import bugs


@pytest.fixture
def expected_bug() -> None:
    """For tests that cause one on purpose."""


@pytest.fixture(autouse=True)
def no_bugs(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    if "expected_bug" not in request.fixturenames:
        found = [each.getMessage() for each in caplog.records if each.name == bugs.log.name]
        assert not found
