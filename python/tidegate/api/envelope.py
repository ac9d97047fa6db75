"""The frame around every reply of the v4 API."""

from typing import Generic, TypeVar

from msgspec import UNSET, Struct, UnsetType

T = TypeVar("T")


class Source(Struct):
    """Where in the request's body the mistake is, as a JSON pointer."""

    pointer: str


class Problem(Struct, omit_defaults=True):
    code: int
    message: str
    source: Source | UnsetType = UNSET


class Acknowledgement(Struct, kw_only=True):
    """A success that has nothing to tell."""

    success: bool = True
    errors: list[Problem] = []
    messages: list[Problem] = []


class Envelope(Acknowledgement, Generic[T], kw_only=True):
    """A success and what it made or found."""

    result: T


class Count(Struct):
    """Of a cursor list: items on this page, and items that the cursors let through."""

    count: int
    total: int


class Page(Struct):
    """Of a list that always fits on one page."""

    page: int
    per_page: int
    count: int
    total_count: int
    total_pages: int


class CursorList(Acknowledgement, Generic[T], kw_only=True):
    result: list[T]
    result_info: Count


class PagedList(Acknowledgement, Generic[T], kw_only=True):
    result: list[T]
    result_info: Page


class Failure(Struct, kw_only=True):
    success: bool = False
    errors: list[Problem]
    messages: list[Problem] = []
    result: None = None


def one_page(items: list[T]) -> PagedList[T]:
    count = len(items)
    info = Page(page=1, per_page=max(count, 1), count=count, total_count=count, total_pages=1)
    return PagedList(result=items, result_info=info)


def failure(code: int, message: str, pointer: str | None = None) -> Failure:
    return Failure(errors=[Problem(code, message, Source(pointer) if pointer else UNSET)])
