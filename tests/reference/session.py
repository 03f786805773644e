"""The additive session score written out event by event, head by head: the slow oracle."""

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.models.session_model import SessionModel


def reference_contributions(
    model: SessionModel, history: list[int], lags: list[int], candidates: list[int]
) -> NDArray[np.float64]:
    """a_h(lag_i) <w_h(item_i), u_h(c)> summed over heads, and l(lag_i) s(item_i, c), per candidate: [n, L]."""
    result = np.zeros((len(candidates), len(history)))
    for row, candidate in enumerate(candidates):
        for column, (item, lag) in enumerate(zip(history, lags, strict=True)):
            if candidate >= 0 and item >= 0 and 1 <= lag <= model.max_lag:
                result[row, column] = _product(model, item, lag, candidate) + _link(model, item, lag, candidate)
    return result


def _product(model: SessionModel, item: int, lag: int, candidate: int) -> float:
    said = model.event_table[item].astype(np.float64) * model.candidate_table[candidate].astype(np.float64)
    return float(model.lag_curve[:, lag].astype(np.float64) @ said.sum(axis=1))


def _link(model: SessionModel, item: int, lag: int, candidate: int) -> float:
    links = model.links
    if candidate not in (links.items[item] if len(links.items) else ()):
        return 0.0
    place = links.items[item].tolist().index(candidate)
    return float(links.weights[item, place]) * float(links.curve[lag])
