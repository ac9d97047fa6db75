"""What a subscriber prefers among simulcast layers, as the engine's list of wishes."""

from collections.abc import Iterable

from tidegate.calls.bodies import SimulcastPreference


def layers(preference: SimulcastPreference | None, rids: Iterable[str]) -> list[str]:
    """Rids, most wanted first, of which the first that arrives is sent; none if none of them does.

    Rids sort from the best to the worst ("Simulcast": ``asciibetical``). Without a preferred rid
    all of them will do, the best first. With one, ``ridNotAvailable`` says what replaces it:
    ``none``, or the next in order, and after the last the nearest before. ``priorityOrdering``
    makes no difference.

    Args:
        rids: of the publication; empty, or one empty rid, without simulcast.
    Returns:
        Empty without simulcast: whatever arrives.
    """
    known = sorted(rid for rid in rids if rid)
    if not known:
        return []
    preferred = preference.preferred_rid if preference is not None else None
    if preference is None or not preferred:
        return known
    if preference.rid_not_available != "asciibetical":
        return [preferred]
    after = [rid for rid in known if rid > preferred]
    before = [rid for rid in known if rid < preferred]
    return [preferred, *after, *reversed(before)]
