"""A random transformer: small, but every array of it matters."""

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.models.transformer_model import TransformerModel


def random_transformer(rng: np.random.Generator, n_items: int, max_lag: int = 20) -> TransformerModel:
    """Two layers, two heads of width 4, inner width 12."""

    def table(*shape: int) -> NDArray[np.float32]:
        return (rng.normal(size=shape) * 0.5).astype(np.float32)

    return TransformerModel(
        event_table=table(n_items, 8),
        candidate_table=table(n_items, 8),
        bias=table(n_items),
        projections=table(2, 4, 9, 8),
        expand=table(2, 9, 12),
        shrink=table(2, 13, 8),
        norms=1 + table(2, 2, 2, 8),
        final_norm=1 + table(2, 8),
        distance_bias=table(2, 2, max_lag),
    )
