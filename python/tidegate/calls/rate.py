"""How often a session may call the API."""


class Rate:
    """A bucket of as many tokens as come in a second: bursts of a second's worth are fine."""

    __slots__ = ("_filled", "_per_second", "_tokens")

    def __init__(self, per_second: int, now: float) -> None:
        self._per_second = per_second
        self._tokens = float(per_second)
        self._filled = now

    def allows(self, now: float) -> bool:
        """Takes one token; False where there is none."""
        gained = (now - self._filled) * self._per_second
        self._tokens = min(float(self._per_second), self._tokens + gained)
        self._filled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
