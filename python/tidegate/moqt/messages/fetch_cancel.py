"""FETCH_CANCEL: the rest of a fetch is not wanted."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FetchCancel:
    request_id: int
