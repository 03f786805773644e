"""Attention rollout: attention followed down through the layers of a transformer (Abnar & Zuidema 2020, section 3)."""

from streamrec_explain.attribution.protocols import Floats


def attention_rollout(attention: Floats) -> Floats:
    """How much of each event reaches the latest place of the top layer: [L], summing to 1.

    `attention` [Y, L, L], lowest layer first: row i says what place i reads, mean over heads. Half of every place is
    its own residual stream. Of the top layer only the last row is read.
    """
    reach: Floats = attention[-1, -1] / 2
    reach[-1] += 0.5
    for layer in attention[-2::-1]:
        reach = (reach @ layer + reach) / 2
    return reach
