"""A table by namespace answers as a list of all its values would."""

from hypothesis import given
from hypothesis import strategies as st
from tidegate.moqt.names import Namespace, has_prefix
from tidegate.moqt.prefixes import PrefixTable

namespaces = st.lists(st.sampled_from([b"", b"a", b"b", b"ab"]), max_size=4).map(tuple)
steps = st.lists(st.tuples(st.booleans(), namespaces, st.integers(0, 3)), max_size=40)


@given(steps=steps, asked=namespaces)
def test_look_ups_match_a_plain_list(
    steps: list[tuple[bool, Namespace, int]], asked: Namespace
) -> None:
    """B5: whole fields, byte by byte, in either direction."""
    table: PrefixTable[int] = PrefixTable()
    model: set[tuple[Namespace, int]] = set()
    for add, namespace, value in steps:
        if add:
            table.add(namespace, value)
            model.add((namespace, value))
        else:
            table.remove(namespace, value)
            model.discard((namespace, value))
    assert len(table) == len(model)
    assert sorted(table.at(asked)) == sorted(value for at, value in model if at == asked)
    covering = [value for at, value in model if has_prefix(asked, at)]
    assert sorted(table.covering(asked)) == sorted(covering)
    under = [value for at, value in model if has_prefix(at, asked)]
    assert sorted(table.under(asked)) == sorted(under)


def test_an_emptied_table_keeps_no_nodes() -> None:
    """S8: what was removed costs nothing any more."""
    table: PrefixTable[str] = PrefixTable()
    table.add((b"a", b"b", b"c"), "deep")
    table.add((b"a",), "shallow")
    table.remove((b"a", b"b", b"c"), "deep")
    assert table.nodes == 2
    table.remove((b"a", b"x"), "never there")
    table.remove((b"a",), "shallow")
    assert table.nodes == 1
