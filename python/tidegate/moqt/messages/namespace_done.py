"""NAMESPACE_DONE (from 16): a namespace that NAMESPACE announced is gone."""

from dataclasses import dataclass

from tidegate.moqt.names import Namespace as Fields


@dataclass(frozen=True, slots=True)
class NamespaceDone:
    """Attributes:
    suffix: as in Namespace.
    """

    suffix: Fields
