"""The growing histories of a block of users while a world is simulated."""

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.events.synthetic.config import HISTORY_WINDOW


class Histories:
    """Engaged items per user in order; an item's place in its row is its sequence number less one."""

    def __init__(self, n_users: int, n_items: int, capacity: int) -> None:
        self.count = np.zeros(n_users, dtype=np.int64)
        self._items = np.full((n_users, capacity), -1, dtype=np.int32)
        self._seen = np.zeros((n_users, n_items), dtype=bool)

    def window(self, users: NDArray[np.int64]) -> NDArray[np.int32]:
        """The last 50 items of each user, column k at lag k + 1, -1 where the history is shorter."""
        place = self.count[users][:, None] - np.arange(1, HISTORY_WINDOW + 1)
        return np.where(place >= 0, self._items[users[:, None], np.maximum(place, 0)], np.int32(-1))

    def has_seen(self, users: NDArray[np.int64], items: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Which of the items [n, k] each user engaged with before."""
        return np.asarray(self._seen[users[:, None], items])

    def append(self, users: NDArray[np.int64], items: NDArray[np.int32]) -> None:
        """Add engaged items, the events of one user next to each other and in order."""
        starts = np.ones(len(users), dtype=bool)
        starts[1:] = users[1:] != users[:-1]
        within = np.arange(len(users)) - np.flatnonzero(starts)[np.cumsum(starts) - 1]
        self._items[users, self.count[users] + within] = items
        self._seen[users, items] = True
        self.count += np.bincount(users, minlength=len(self.count))
