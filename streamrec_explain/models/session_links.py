"""Links: the items an event speaks for directly, as sparse rows beside the session model's dense tables.

Dense tables of a few hundred numbers per item generalise; they cannot hold that one item is followed by just
one other. Links remember such pairs ("wide and deep", Cheng et al. 2016) and stay additive over events.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.errors import UnsupportedModelError


@dataclass(frozen=True)
class Links:
    """An event of item i at a lag adds curve[lag] * weights[i, k] to candidate items[i, k], and 0 to any other.

    items: int32 [n_items, K], rising within each row; weights: float32 [n_items, K].
    curve: float32 [max_lag + 1]; column 0 is unused.
    """

    items: NDArray[np.int32]
    weights: NDArray[np.float32]
    curve: NDArray[np.float32]

    def __post_init__(self) -> None:
        for name, dtype, ndim in (("items", np.int32, 2), ("weights", np.float32, 2), ("curve", np.float32, 1)):
            array = getattr(self, name)
            if array.dtype != dtype or array.ndim != ndim or not array.flags.c_contiguous:
                raise UnsupportedModelError(
                    f"links: {name} must be contiguous {np.dtype(dtype)} with {ndim} dimensions, "
                    f"got {array.dtype} {array.shape}"
                )
        if self.items.shape != self.weights.shape:
            raise UnsupportedModelError(f"links: items {self.items.shape} but weights {self.weights.shape}")
        if (np.diff(self.items, axis=1) <= 0).any() or (self.items < 0).any() or (self.items >= len(self.items)).any():
            raise UnsupportedModelError("links: each row must name rising item codes of the catalogue")
        if not np.isfinite(self.weights).all() or not np.isfinite(self.curve).all():
            raise UnsupportedModelError("links: weights and curve must be finite")

    @classmethod
    def none(cls) -> "Links":
        """No item is linked to any other."""
        return cls(np.empty((0, 0), np.int32), np.empty((0, 0), np.float32), np.empty(0, np.float32))

    def fit(self, n_items: int, n_lags: int) -> bool:
        """Whether these are links of a model of so many items and lags (0 included); no links fit any."""
        return not len(self.items) or (len(self.items), self.curve.size) == (n_items, n_lags)

    def between(self, events: NDArray[np.int32], candidate: int) -> NDArray[np.float32]:
        """The weight of the link from each event's item (known codes) to one candidate, float32 [L]."""
        if not len(self.items):
            return np.zeros(len(events), np.float32)
        chosen = np.where(self.items[events] == candidate, self.weights[events], np.float32(0))
        return np.asarray(chosen.sum(axis=1), dtype=np.float32)

    def permuted(self, events: NDArray[np.int64], candidates: NDArray[np.int64]) -> "Links":
        """Links in which item i speaks as events[i] did, for the j whose candidates[j] it spoke for."""
        if not len(self.items):
            return self
        items = np.argsort(candidates).astype(np.int32)[self.items[events]]
        order = np.argsort(items, axis=1)
        weights = np.take_along_axis(self.weights[events], order, axis=1)
        return Links(np.take_along_axis(items, order, axis=1), weights, self.curve)
