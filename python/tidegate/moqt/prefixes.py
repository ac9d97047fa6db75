"""What belongs to namespaces, found by prefix in either direction."""

from collections.abc import Iterator
from typing import Generic, TypeVar

from tidegate.moqt.names import Namespace

T = TypeVar("T")


class _Node(Generic[T]):
    __slots__ = ("children", "values")

    def __init__(self) -> None:
        self.children: dict[bytes, _Node[T]] = {}
        # A dict for its order: what came first is told first.
        self.values: dict[T, None] = {}


class PrefixTable(Generic[T]):
    """Values by namespace, compared by whole fields, byte by byte. Costs a node a field."""

    __slots__ = ("_root", "_size")

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()
        self._size = 0

    def __len__(self) -> int:
        return self._size

    @property
    def nodes(self) -> int:
        """Nodes in memory, the root included."""
        pending, found = [self._root], 0
        while pending:
            found += 1
            pending.extend(pending.pop().children.values())
        return found

    def add(self, namespace: Namespace, value: T) -> None:
        node = self._root
        for field in namespace:
            node = node.children.setdefault(field, _Node())
        if value not in node.values:
            node.values[value] = None
            self._size += 1

    def remove(self, namespace: Namespace, value: T) -> None:
        """Takes a value out, and the nodes that only it needed; ignores one that is not there."""
        path = [self._root]
        for field in namespace:
            child = path[-1].children.get(field)
            if child is None:
                return
            path.append(child)
        if value not in path[-1].values:
            return
        del path[-1].values[value]
        self._size -= 1
        for depth in range(len(namespace), 0, -1):
            node = path[depth]
            if node.values or node.children:
                break
            del path[depth - 1].children[namespace[depth - 1]]

    def at(self, namespace: Namespace) -> tuple[T, ...]:
        """The values of exactly this namespace, oldest first."""
        node = self._root
        for field in namespace:
            child = node.children.get(field)
            if child is None:
                return ()
            node = child
        return tuple(node.values)

    def covering(self, namespace: Namespace) -> Iterator[T]:
        """The values of the namespace and of its prefixes, shortest first."""
        node = self._root
        yield from tuple(node.values)
        for field in namespace:
            child = node.children.get(field)
            if child is None:
                return
            node = child
            yield from tuple(node.values)

    def under(self, prefix: Namespace) -> Iterator[T]:
        """The values of every namespace that begins with ``prefix``, itself included."""
        node = self._root
        for field in prefix:
            child = node.children.get(field)
            if child is None:
                return
            node = child
        pending = [node]
        while pending:
            node = pending.pop()
            yield from tuple(node.values)
            pending.extend(node.children.values())
