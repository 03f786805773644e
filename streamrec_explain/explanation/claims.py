"""Claims: the checkable statements behind sentences, verified on the numbers of one item."""

from collections.abc import Mapping, Sequence

import msgspec

from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.naming import ItemNames
from streamrec_explain.explanation.signals import ItemAttribution, fact
from streamrec_explain.records import Claim, Evidence, ListItem


class Case(msgspec.Struct, frozen=True):
    """Everything the claims about one item depend on besides the release.

    `history_categories` counts, per category code, the events the cross features look at. `raw_drop` is what the
    raw score loses without the items that watch_history would name; 0 where none or where the release does not ask.
    """

    item: ListItem
    found: ItemAttribution
    region: str
    history_categories: Mapping[int, int]
    raw_drop: float = 0.0


def to_name(bundle: EngineBundle, names: ItemNames, found: ItemAttribution) -> list[tuple[int, float]]:
    """The items (catalogue row, contribution) that watch_history may name; none where it may not be said.

    They are the (at most two) strongest, each above the margin; one alone needs the larger margin. Where one
    of them cannot be named, nothing else is named in its stead. The re-ranker must have listened.
    """
    chosen = _strongest(bundle, found)
    loud = bool(chosen) and chosen[-1][1] > _margin(bundle, chosen)
    nameable = names.nameable([code for code, _ in chosen], found.code)
    return chosen if loud and nameable and found.session_score_shap > 0.0 else []


def watch_history(bundle: EngineBundle, names: ItemNames, case: Case) -> Claim:
    """The named items raise the session score most when really removed, and the re-ranker listened.

    Where the release asks for it, the re-ranker's raw score really falls too when it is computed without them.
    """
    chosen, least_drop = _strongest(bundle, case.found), bundle.thresholds.history_raw_margin
    margin = _margin(bundle, chosen)
    if least_drop is None:
        return named_history(bundle, case, chosen, margin, holds=bool(to_name(bundle, names, case.found)))
    claim = named_history(bundle, case, chosen, margin, holds=case.raw_drop > least_drop)
    return msgspec.structs.replace(claim, evidence={**claim.evidence, "raw_score_drop": case.raw_drop})


def _strongest(bundle: EngineBundle, found: ItemAttribution) -> list[tuple[int, float]]:
    return [pair for pair in found.strongest if pair[1] > bundle.thresholds.history_margin]


def _margin(bundle: EngineBundle, chosen: Sequence[tuple[int, float]]) -> float:
    bounds = bundle.thresholds
    return bounds.history_single_margin if len(chosen) == 1 else bounds.history_margin


def named_history(
    bundle: EngineBundle, case: Case, chosen: Sequence[tuple[int, float]], margin: float, holds: bool
) -> Claim:
    """The claim that names `chosen` (catalogue row, contribution) with the numbers that decide it."""
    evidence: Evidence = {
        "items": tuple(bundle.catalogue.item_ids[code] for code, _ in chosen),
        "least_contribution": min((value for _, value in chosen), default=0.0),
        "margin": margin,
        "session_score_shap": case.found.session_score_shap,
        "removal": "others_keep_sequence",
    }
    return Claim("watch_history", holds, evidence)


def category_match(bundle: EngineBundle, names: ItemNames, case: Case) -> Claim:
    """A category feature is among the three largest |SHAP| and positive, and so are all of them together."""
    features, found = bundle.spec.features, case.found
    top = enumerate(found.top_features[:3], start=1)
    ranked = [(rank, column) for rank, column in top if features[column].category]
    ranked.sort(key=lambda pair: found.shap[pair[1]] <= 0.0)
    rank, column = ranked[0] if ranked else (0, -1)
    category = names.category(found.code)
    watched = case.history_categories.get(names.main_categories[found.code], 0)
    value = found.shap[column] if rank else 0.0
    from_history = bool(rank) and features[column].history_derived
    holds = value > 0.0 and found.category_shap > 0.0 and category is not None and (watched > 0 or not from_history)
    return Claim(
        "category_match",
        holds,
        {
            "category": category,
            "feature": features[column].name if rank else None,
            "rank": rank,
            "shap": value,
            "category_shap": found.category_shap,
            "from_history": int(from_history),
            "watched_in_category": watched,
        },
    )


def trending(bundle: EngineBundle, case: Case) -> Claim:
    """The item is trending in the snapshot of the market the facts are about."""
    bounds, item = bundle.thresholds, case.item
    count = fact(item, "trend_count", 0.0)
    growth = fact(item, "trend_growth", 0.0)
    rank = fact(item, "trend_rank", 0.0)
    holds = (
        count >= bounds.trending_min_count
        and growth >= bounds.trending_min_growth
        and 1.0 <= rank <= bounds.trending_max_rank
    )
    return Claim(
        "trending",
        holds,
        {
            "market": case.region if fact(item, "trend_in_region", 0.0) == 1.0 else None,
            "count": count,
            "baseline_count": fact(item, "trend_baseline_count", 0.0),
            "growth": growth,
            "rank": rank,
            "percentile": fact(item, "popularity_percentile", 0.0),
        },
    )


def personalized(bundle: EngineBundle, case: Case) -> Claim:
    """The history as a whole raised the session score, and the re-ranker listened."""
    found, margin = case.found, bundle.thresholds.personalized_margin
    return Claim(
        "personalized",
        found.history_total > margin and found.session_score_shap > 0.0,
        {
            "history_contribution": found.history_total,
            "margin": margin,
            "session_score_shap": found.session_score_shap,
        },
    )
