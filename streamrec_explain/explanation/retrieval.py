"""Retrieval: a plain first stage that proposes candidates, for lists that no recommendation service made."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.history import ResolvedHistory
from streamrec_explain.features.catalogue import Catalogue
from streamrec_explain.features.snapshots import TrendSnapshot
from streamrec_explain.features.trends import FACT_NAMES
from streamrec_explain.records import Promotion

_RANK = FACT_NAMES.index("trend_rank")


def retrieve(
    bundle: EngineBundle,
    trends: TrendSnapshot,
    history: ResolvedHistory,
    region: str,
    rng: np.random.Generator,
    size: int = 60,
) -> tuple[str, ...]:
    """About `size` distinct unseen items: half by session score, a quarter by trend in the region, the rest at random.

    `trends` must be aligned to the release's catalogue.
    """
    n_items = len(bundle.catalogue)
    everything = np.arange(n_items, dtype=np.int32)
    unseen = np.setdiff1d(everything, history.codes)
    scores = bundle.session_model.scores(history.codes, history.lags, unseen)
    by_score = unseen[np.argsort(-scores, kind="stable")[: size // 2]]
    rank = trends.facts[trends.market_index(region), unseen, _RANK]
    rank = np.where(rank > 0, rank, np.inf)  # 0: not ranked
    by_trend = unseen[np.argsort(rank, kind="stable")[: size // 4]]
    chosen = np.concatenate([by_score, by_trend, rng.permutation(unseen)[: size // 4]])
    return tuple(bundle.catalogue.item_ids[code] for code in _distinct(chosen).tolist())


def sponsored_boosts(catalogue: Catalogue, item_ids: Sequence[str], boost: float) -> Mapping[str, Promotion]:
    """The same boost (log-odds) for every sponsored item among `item_ids`, paid for by its creator."""
    codes = catalogue.codes(item_ids)
    return {
        item_id: Promotion(_sponsor(catalogue, int(code)), boost)
        for item_id, code in zip(item_ids, codes, strict=True)
        if code >= 0 and catalogue.sponsored[code]
    }


def _sponsor(catalogue: Catalogue, code: int) -> str:
    creator = int(catalogue.creators[code])
    return catalogue.creator_names[creator] if creator >= 0 else "sponsor"


def _distinct(codes: NDArray[np.int32]) -> NDArray[np.int32]:
    return codes[np.sort(np.unique(codes, return_index=True)[1])]
