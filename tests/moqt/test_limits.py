"""Every limit is documented, and the page says what the code says."""

from inspect import signature
from typing import Any

import pytest
from tidegate import _engine, engine
from tidegate.config import Config, settings

from docs import calls_limits, limits


def test_the_page_states_the_limits() -> None:
    assert limits.PAGE.read_text() == limits.page(), "run `make docs`"


def test_every_limit_of_the_rules_has_a_sentence() -> None:
    assert limits.undocumented() == set()


def test_every_limit_of_the_engine_is_on_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    known = set(signature(_engine.Limits).parameters)
    monkeypatch.setattr(_engine, "Limits", dict)
    given: Any = engine._limits(Config())
    assert {*given, *limits.FIXED, *calls_limits.ENGINE} == known


@pytest.mark.parametrize(
    "path", [each.path for each in settings() if each.section in ("limits", "cache")]
)
def test_every_setting_that_limits_is_on_the_page(path: str) -> None:
    assert f"| `{path}` |" in limits.PAGE.read_text()
