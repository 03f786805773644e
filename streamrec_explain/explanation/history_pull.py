"""How hard histories pull at the items of lists, for the released model and for one with random attention."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.history import ResolvedHistory, resolve_history
from streamrec_explain.explanation.scoring import item_matrix, score_list
from streamrec_explain.explanation.signals import FeatureColumns, ItemAttribution, attribute_list
from streamrec_explain.explanation.thresholds import Thresholds
from streamrec_explain.models.session_protocol import SessionScorer
from streamrec_explain.records import ListContext

BLOCKS = 40

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class HistoryPull:
    """Contributions of history to items, [n] each: of the strongest item, the second strongest, and of all.

    -inf where there is no such item, or where the re-ranker did not listen to the session score. Numbers of one
    cluster, int64 [n], come from the same model or the same users, those of different ones have nothing in common.
    """

    first: Floats
    second: Floats
    total: Floats
    clusters: NDArray[np.int64]

    @classmethod
    def joined(cls, pulls: Sequence["HistoryPull"]) -> "HistoryPull":
        """Several as one, each a cluster of its own."""
        nothing = np.zeros(0)
        first, second, total = (
            np.concatenate([nothing, *(getattr(pull, name) for pull in pulls)]) for name in ("first", "second", "total")
        )
        sizes = np.array([len(pull.first) for pull in pulls], dtype=np.int64)
        return cls(first, second, total, np.repeat(np.arange(len(pulls)), sizes))

    def triggers(self, thresholds: Thresholds) -> NDArray[np.bool_]:
        """Where watch_history would be said if every title could be."""
        paired: NDArray[np.bool_] = self.second > thresholds.history_margin
        return paired | (self.first > thresholds.history_single_margin)


def random_attention(model: SessionScorer, rng: np.random.Generator) -> SessionScorer:
    """A model of the same kind, sizes and decay with lag that knows nothing of which event speaks for which item."""
    return model.permuted(rng)


def history_pull(
    bundles: Sequence[EngineBundle], contexts: Sequence[ListContext], length: int | None = None
) -> HistoryPull:
    """What the latest `length` events (None: all) do to the items of lists whose history is long enough."""
    rows = [row for bundle in bundles for context in contexts for row in _rows(bundle, context, length)]
    first, second, total = np.array(rows, dtype=np.float64).reshape(-1, 3).T
    return HistoryPull(first, second, total, np.zeros(len(rows), dtype=np.int64))


def random_pulls(
    bundle: EngineBundle,
    contexts: Sequence[ListContext],
    lengths: Sequence[int | None],
    rng: np.random.Generator,
    permutations: int,
) -> dict[int | None, HistoryPull]:
    """What histories of each length do in models with random attention.

    The lists are dealt out in blocks, each with permutations of its own, so that both what is peculiar to a permutation
    and what is peculiar to a user stay within one cluster.
    """
    size = max(1, len(contexts) // BLOCKS)
    pulls: dict[int | None, list[HistoryPull]] = {length: [] for length in lengths}
    for start in range(0, len(contexts), size):
        models = [random_attention(bundle.session_model, rng) for _ in range(permutations)]
        randoms = [replace(bundle, session_model=model) for model in models]
        for length in lengths:
            pulls[length].append(history_pull(randoms, contexts[start : start + size], length))
    return {length: HistoryPull.joined(blocks) for length, blocks in pulls.items()}


def _rows(
    bundle: EngineBundle, context: ListContext, length: int | None
) -> Iterator[tuple[float, float, float]]:
    whole = resolve_history(context.session_history, bundle.catalogue, context.timestamp_ms)
    if len(whole.codes) < (length or 1):
        return
    history = whole if length is None else ResolvedHistory(whole.codes[-length:], whole.lags[-length:])
    codes = bundle.catalogue.codes([item.item_id for item in context.items])
    values = item_matrix(bundle, [item.item_features for item in context.items], "items")
    known = codes >= 0
    scored = score_list(bundle, history, context.user_features, codes[known], values[known])
    yield from map(_row, attribute_list(bundle, FeatureColumns.of(bundle.spec), scored))


def _row(found: ItemAttribution) -> tuple[float, float, float]:
    if found.session_score_shap <= 0.0 or not found.strongest:
        return -np.inf, -np.inf, -np.inf
    drops = [value for _, value in found.strongest]
    return drops[0], drops[1] if len(drops) > 1 else -np.inf, found.history_total
