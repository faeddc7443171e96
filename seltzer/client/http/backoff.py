"""How long to wait before a retry, and when to give up."""

from collections.abc import Callable
from typing import Final

FIRST_WAIT_S: Final = 0.1
LONGEST_WAIT_S: Final = 2.0


class Patience:
    """Exponential backoff with jitter: 0.1 s, doubled each time up to 2 s, minus a random half at most.

    Gives up limit_s after the first of consecutive failures. chance: random numbers from 0 to 1.
    """

    def __init__(self, limit_s: float, chance: Callable[[], float]) -> None:
        self._limit_s = limit_s
        self._chance = chance
        self._since_s: float | None = None
        self._tries = 0

    @property
    def is_tried(self) -> bool:
        """Whether there was a failure and no success since."""
        return self._since_s is not None

    def succeeded(self) -> None:
        """Reset after a success."""
        self._since_s, self._tries = None, 0

    def wait_s(self, now_s: float, least_s: float = 0.0) -> float | None:
        """Return how long to wait after a failure at now_s; None to give up.

        least_s is the minimum that the server sent; up to a quarter is added to it at random.
        """
        if self._since_s is None:
            self._since_s = now_s
        rest_s = self._since_s + self._limit_s - now_s
        if rest_s <= 0:
            return None
        wait_s = min(FIRST_WAIT_S * 2.0 ** min(self._tries, 10), LONGEST_WAIT_S) * (1 - self._chance() / 2)
        self._tries += 1
        return min(max(wait_s, least_s * (1 + self._chance() / 4)), rest_s)
