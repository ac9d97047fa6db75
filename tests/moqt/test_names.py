"""Names as people and logs see them, and their order."""

from tidegate.moqt.names import FullTrackName, Location, has_prefix


def test_a_full_track_name_prints_as_the_draft_recommends() -> None:
    """Draft-16 §1.5: fields joined by -, the name after --, other bytes as . and two digits."""
    track = FullTrackName((b"example.net", b"team2"), b"report\xff")
    assert str(track) == "example.2enet-team2--report.ff"


def test_a_prefix_matches_whole_fields() -> None:
    """B5: (foo) matches (foo, bar); (foobar) does not."""
    assert has_prefix((b"foo", b"bar"), (b"foo",))
    assert has_prefix((b"foo",), (b"foo",))
    assert has_prefix((b"foo",), ())
    assert not has_prefix((b"foobar",), (b"foo",))
    assert not has_prefix((b"foo",), (b"foo", b"bar"))


def test_locations_order_by_group_then_object() -> None:
    assert sorted([Location(2, 0), Location(1, 9), Location(1, 2)]) == [
        Location(1, 2),
        Location(1, 9),
        Location(2, 0),
    ]
