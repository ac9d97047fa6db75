"""NAMESPACE (from 16): one namespace under a subscribed prefix."""

from dataclasses import dataclass

from tidegate.moqt.names import Namespace as Fields


@dataclass(frozen=True, slots=True)
class Namespace:
    """Attributes:
    suffix: the fields after the subscribed prefix; () for the prefix itself.
    """

    suffix: Fields
