"""Every limit is documented, and the page says what the code says."""

import pytest
from tidegate.calls.limits import Limits
from tidegate.config import CallsConfig, settings

from docs import calls_limits


def test_the_page_states_the_limits() -> None:
    assert calls_limits.PAGE.read_text() == calls_limits.page(), "run `make docs`"


def test_every_limit_has_a_sentence() -> None:
    assert calls_limits.undocumented() == set()


def test_settings_have_the_same_defaults() -> None:
    assert Limits.configured(CallsConfig()) == Limits()


def test_what_is_configured_counts() -> None:
    limits = Limits.configured(CallsConfig(sessions=7, reconnect_seconds=1.5))
    assert (limits.sessions, limits.reconnect_seconds, limits.sections) == (7, 1.5, 512)


@pytest.mark.parametrize("path", [each.path for each in settings() if each.section == "calls"])
def test_every_setting_is_on_the_page(path: str) -> None:
    assert f"| `{path}` |" in calls_limits.PAGE.read_text()
