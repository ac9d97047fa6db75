"""``tidegate serve``: the whole server, with no configuration or all of it."""

import contextlib
import inspect
import resource
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Group, Parameter

from tidegate.config import Config, Setting, settings

_GROUPS = {
    "": Group("Settings", sort_key=1),
    "api": Group("REST API", sort_key=2),
    "http_limits": Group("HTTP limits", sort_key=3),
    "moq": Group("MoQ sessions", sort_key=4),
    "limits": Group("MoQ limits", sort_key=5),
    "cache": Group("Cache", sort_key=6),
    "calls": Group("Realtime SFU", sort_key=7),
}


def serve(**given: Any) -> None:
    """Run a server.

    Every setting has a flag, a variable (--http is TIDEGATE_HTTP) and a place in the file.
    """
    spelled = {_argument(setting): setting.flag for setting in settings()}
    flags = {spelled[name]: text for name, text in given.items() if name in spelled}
    config = Config.load(given.get("config"), flags=flags)
    _allow_as_many_files_as_there_may_be()
    from tidegate.server import run

    run(config)


def _allow_as_many_files_as_there_may_be() -> None:
    """Raises the soft limit, often 1024, so that HTTP clients alone cannot use it up."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _argument(setting: Setting) -> str:
    return setting.path.replace(".", "_")


def _signature() -> inspect.Signature:
    """One optional keyword a setting: text, for the tree to convert and to complain about."""
    file = Parameter(help="a TOML file of settings", show_default=False)
    keywords = [_keyword("config", Path, file)]
    for setting in settings():
        parameter = Parameter(
            name=setting.flag,
            help=f"{setting.help} [{setting.shown_default}]",
            group=_GROUPS[setting.section],
            negative="",
            show_default=False,
        )
        keywords.append(_keyword(_argument(setting), str, parameter))
    return inspect.Signature(keywords, return_annotation=None)


def _keyword(name: str, type_: type, parameter: Parameter) -> inspect.Parameter:
    annotation = Annotated[type_ | None, parameter]  # type: ignore[valid-type]
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, default=None, annotation=annotation)


serve.__signature__ = _signature()  # type: ignore[attr-defined]
