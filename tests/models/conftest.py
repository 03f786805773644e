"""Small random models and histories that the tests of models share."""

import numpy as np
import pytest
from numpy.typing import NDArray

from streamrec_explain.events.interactions import Interactions
from streamrec_explain.models.session_links import Links
from streamrec_explain.models.session_model import SessionModel
from streamrec_explain.models.transformer_model import TransformerModel
from tests.reference.transformer import random_transformer


@pytest.fixture(scope="session")
def model() -> SessionModel:
    """A random model of 30 items, 3 heads of rank 8, lags up to 20, each item linked to 7 others."""
    rng = np.random.default_rng(0)

    def table(*shape: int) -> NDArray[np.float32]:
        return rng.normal(size=shape).astype(np.float32)

    tables = table(30, 3, 8), table(30, 3, 8), table(30), table(3, 21)
    linked = np.sort(np.stack([rng.permutation(30)[:7] for _ in range(30)]).astype(np.int32), axis=1)
    return SessionModel(*tables, Links(linked, table(30, 7), table(21)))


@pytest.fixture(scope="session")
def transformer() -> TransformerModel:
    """A random transformer of 30 items with lags up to 20."""
    return random_transformer(np.random.default_rng(1), n_items=30)


@pytest.fixture(scope="session")
def chain() -> tuple[Interactions, NDArray[np.int8]]:
    """200 users who step forward by one or, seldom, elsewhere among 40 items; 9 training events, 1 + 1 held out."""
    rng = np.random.default_rng(4)
    users, length, n_items = 200, 11, 40
    items = np.empty((users, length), np.int32)
    items[:, 0] = rng.integers(0, n_items, users)
    for place in range(1, length):
        jump = np.where(rng.random(users) < 0.2, rng.integers(1, n_items, users), 1)
        items[:, place] = (items[:, place - 1] + jump) % n_items
    return _interactions(items), np.tile(np.array([0] * 9 + [1, 2], np.int8), users)


def _interactions(items: NDArray[np.int32]) -> Interactions:
    """Equally long histories [users, length] whose impressions stand in the same order."""
    users, length = items.shape
    return Interactions(
        user_ids=tuple(f"u{user}" for user in range(users)),
        offsets=np.arange(users + 1, dtype=np.int64) * length,
        item=items.ravel(),
        time_ms=np.arange(items.size, dtype=np.int64),
        sequence=np.tile(np.arange(1, length + 1, dtype=np.int32), users),
        row=np.arange(items.size, dtype=np.int64),
    )
