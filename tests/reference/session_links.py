"""The regression behind links, written out event by event: the slow oracle."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.models.session_links_training import LinkConfig


def reference_weights(
    item: NDArray[np.int32], offsets: NDArray[np.int64], n_items: int, config: LinkConfig
) -> NDArray[np.float64]:
    """(X'X + ridge I)^-1 X'Y in float64, [n_items, n_items]."""
    x, y = np.zeros((2, item.size, n_items))
    for first, last in pairwise(offsets.tolist()):
        for now in range(first, last):
            for lag in range(1, min(config.window, now - first) + 1):
                x[now, item[now - lag]] += np.exp(-lag / config.memory)
            for ahead in range(min(config.upcoming, last - now)):
                y[now, item[now + ahead]] += 1 / (ahead + 1)
    return np.asarray(np.linalg.solve(x.T @ x + config.ridge * np.eye(n_items), x.T @ y))
