"""Item-item weights in closed form: ridge regression of what a user does next on the events before it.

The weights of EASE (Steck 2019, eq. 8, without its constraint on the diagonal) on sequences, as in SLIST (Choi et al.
2021): B = (X'X + ridge I)^-1 X'Y, where row t of X holds the events before event t, fading with lag, and row t of Y
event t and those after it, fading with distance. B is served as its best approximation of low rank, one more head of
the session model, and the largest weights that this leaves over, as links: low rank alone cannot hold that an item
is followed by just one other.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from streamrec_explain.models.session_links import Links
from streamrec_explain.models.session_model import SessionModel

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]


@dataclass(frozen=True)
class LinkConfig:
    """Hyper-parameters of the item-item weights.

    An event at lag d weighs exp(-d / memory) up to `window` events back; of the `upcoming` next events the d-th
    weighs 1 / d. `scale` turns weights into log-odds; an item keeps `per_item` links. Only the `max_items` most
    engaged items have weights: time grows with their cube, memory with their square.
    """

    per_item: int = 64
    ridge: float = 1000.0
    memory: float = 30.0
    window: int = 100
    upcoming: int = 5
    scale: float = 60.0
    max_items: int = 10_000


def with_item_weights(model: SessionModel, item: Int32, offsets: Int64, config: LinkConfig) -> SessionModel:
    """Add the weights fitted on sequences item[offsets[u]:offsets[u + 1]] to a model: one more head, and links.

    Deterministic from torch's seed and number of threads.
    """
    known = _most_engaged(item, model.n_items, config.max_items)
    weights_MM = _ridge_regression(item, offsets, known, model.n_items, config).mul_(config.scale)
    w_MR, u_MR = _factors(weights_MM, model.event_table.shape[2])
    links = _largest(weights_MM - w_MR @ u_MR.T, known, model.n_items, config.per_item)
    u_NR = _for_catalogue(u_MR, known, model.n_items)
    curve = _curve(model.max_lag + 1, config)
    return replace(
        model,
        event_table=_with_head(model.event_table, _for_catalogue(w_MR, known, model.n_items)),
        candidate_table=_with_head(model.candidate_table, u_NR - u_NR.mean(axis=0)),
        lag_curve=np.vstack([model.lag_curve, curve]),
        links=Links(*links, curve),
    )


def _most_engaged(item: Int32, n_items: int, at_most: int) -> Int64:
    """Codes of the items that occur, rising; the most frequent where there are too many."""
    counts = np.bincount(item, minlength=n_items)
    order = np.argsort(-counts, kind="stable")[:at_most]
    return np.sort(order[counts[order] > 0])


def _ridge_regression(item: Int32, offsets: Int64, known: Int64, n_items: int, config: LinkConfig) -> Tensor:
    """The weight of each known item as an event for each known item to come, float32 [M, M]."""
    column = np.full(n_items, -1)
    column[known] = np.arange(known.size)
    code, user = column[item], np.repeat(np.arange(offsets.size - 1), np.diff(offsets))
    past = {lag: float(np.exp(-lag / config.memory)) for lag in range(1, config.window + 1)}
    future = {-ahead: 1.0 / (ahead + 1) for ahead in range(config.upcoming)}
    x, y = (_shifted(code, user, known.size, lags) for lags in (past, future))
    gram = torch.from_numpy((x.T @ x).toarray())
    gram.diagonal().add_(config.ridge)
    target = torch.from_numpy((x.T @ y).toarray())
    return torch.cholesky_solve(target, torch.linalg.cholesky(gram))


def _shifted(code: Int64, user: Int64, m: int, weight_of: dict[int, float]) -> csr_array:
    """Row t sums weight_of[lag] at the item of event t - lag of the same user, [events, m]; code -1 is left out."""
    rows, columns, values = [], [], []
    for lag, weight in weight_of.items():
        place = np.arange(max(lag, 0), code.size + min(lag, 0))
        row = place[(user[place] == user[place - lag]) & (code[place - lag] >= 0)]
        rows.append(row)
        columns.append(code[row - lag])
        values.append(np.full(row.size, weight, np.float32))
    places = np.concatenate(rows), np.concatenate(columns)
    return csr_array((np.concatenate(values), places), shape=(code.size, m))


def _factors(weights_MM: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """w, u [M, rank] with w u' close to the weights (randomised SVD, Halko et al. 2011), padded with zeros."""
    u, s, v = torch.svd_lowrank(weights_MM, q=min(rank, len(weights_MM)), niter=3)
    missing = (0, rank - s.numel())
    return torch.nn.functional.pad(u * s.sqrt(), missing), torch.nn.functional.pad(v * s.sqrt(), missing)


def _largest(weights_MM: Tensor, known: Int64, n_items: int, per_item: int) -> tuple[Int32, NDArray[np.float32]]:
    """Of each row the largest weights by size, by rising item: codes and weights [n_items, K]; 0 where not known."""
    kept = min(per_item, known.size)
    column = torch.topk(weights_MM.abs(), kept, dim=1, sorted=False).indices.sort(dim=1).values
    items = np.tile(np.arange(kept, dtype=np.int32), (n_items, 1))
    items[known] = known[column.numpy()]
    weights = np.zeros((n_items, kept), np.float32)
    weights[known] = torch.gather(weights_MM, 1, column).numpy()
    return items, weights


def _curve(n_lags: int, config: LinkConfig) -> NDArray[np.float32]:
    lags = np.arange(n_lags)
    return np.where((lags > 0) & (lags <= config.window), np.exp(-lags / config.memory), 0.0).astype(np.float32)


def _for_catalogue(rows_MR: Tensor, known: Int64, n_items: int) -> NDArray[np.float32]:
    """The rows of known items at their codes, 0 elsewhere: [n_items, R]."""
    table = np.zeros((n_items, rows_MR.shape[1]), np.float32)
    table[known] = rows_MR.numpy()
    return table


def _with_head(table: NDArray[np.float32], head_NR: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.ascontiguousarray(np.concatenate([table, head_NR[:, None]], axis=1))
