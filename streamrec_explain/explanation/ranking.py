"""Ranking a list: what the recommendation service does before it asks for explanations."""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from streamrec_explain.errors import RequestError
from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.history import resolve_history
from streamrec_explain.explanation.scoring import item_matrix, score_list
from streamrec_explain.features.snapshots import TrendSnapshot
from streamrec_explain.features.trends import FACT_NAMES
from streamrec_explain.records import HistoryEvent, ListItem, Promotion


class Candidate(msgspec.Struct, frozen=True):
    """An item that may enter a list, with the item features and facts of the market it is shown in."""

    item_id: str
    item_features: Mapping[str, float]
    item_facts: Mapping[str, float] = {}
    promotion: Promotion | None = None


def candidates_in(
    snapshot: TrendSnapshot,
    bundle: EngineBundle,
    item_ids: Sequence[str],
    region: str,
    promotions: Mapping[str, Promotion] | None = None,
) -> tuple[Candidate, ...]:
    """Resolve items against a trend snapshot that is aligned to the release's catalogue.

    The fact `trend_in_region` says whether the facts are the region's own (1) or those of all markets (0).
    """
    features, facts = snapshot.lookup_many(bundle.catalogue.codes(item_ids), region)
    own = float(region in snapshot.markets)
    promoted = promotions or {}
    return tuple(
        Candidate(
            item_id,
            dict(zip(snapshot.names, values, strict=True)),
            {**dict(zip(FACT_NAMES, said, strict=True)), "trend_in_region": own},
            promoted.get(item_id),
        )
        for item_id, values, said in zip(item_ids, features.tolist(), facts.tolist(), strict=True)
    )


def rank_list(
    bundle: EngineBundle,
    history: Sequence[HistoryEvent],
    user_features: Mapping[str, float],
    candidates: Sequence[Candidate],
    timestamp_ms: int = 0,
) -> tuple[ListItem, ...]:
    """Score candidates, add boosts, sort (ties keep the order of the candidates), number positions from 0.

    RequestError for a candidate that the catalogue does not have.
    """
    codes = bundle.catalogue.codes([candidate.item_id for candidate in candidates])
    if (codes < 0).any():
        place = f"candidates[{int(np.argmin(codes))}].item_id"
        raise RequestError(f"{place} is not in the catalogue", place)
    values = item_matrix(bundle, [candidate.item_features for candidate in candidates], "candidates")
    resolved = resolve_history(history, bundle.catalogue, timestamp_ms)
    scored = score_list(bundle, resolved, user_features, codes, values)
    boosts = np.array([item.promotion.boost if item.promotion else 0.0 for item in candidates])
    order = np.argsort(-(scored.raw_scores + boosts), kind="stable").tolist()
    session, raw = scored.session_scores.tolist(), scored.raw_scores.tolist()
    return tuple(
        _list_item(candidates[row], position, session[row], raw[row]) for position, row in enumerate(order)
    )


def _list_item(candidate: Candidate, position: int, ranking_score: float, reranking_score: float) -> ListItem:
    return ListItem(
        item_id=candidate.item_id,
        position=position,
        ranking_score=ranking_score,
        reranking_score=reranking_score,
        item_features=candidate.item_features,
        item_facts=candidate.item_facts,
        promotion=candidate.promotion,
    )
