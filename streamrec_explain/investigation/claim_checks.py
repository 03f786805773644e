"""Claims, verified again: from removal, SHAP, facts and sorting, without the engine's own claims code."""

from collections.abc import Callable, Iterator, Mapping

import msgspec
import numpy as np

from streamrec_explain.explanation.scoring import item_matrix, score_list
from streamrec_explain.explanation.signals import fact
from streamrec_explain.features.cross import HISTORY_EVENTS
from streamrec_explain.features.spec import SESSION_SCORE
from streamrec_explain.investigation.features import FeatureAttribution
from streamrec_explain.investigation.history import HistoryAttribution
from streamrec_explain.investigation.restored import Restored
from streamrec_explain.records import Claim, ListItem


class Condition(msgspec.Struct, frozen=True):
    """One condition of a claim: a number found again and the bound it is held against, where it has one."""

    name: str
    holds: bool
    value: float | None = None
    bound: float | None = None


class ClaimCheck(msgspec.Struct, frozen=True):
    """A logged claim checked again: it holds if all of its conditions do."""

    kind: str
    logged_verdict: bool
    conditions: tuple[Condition, ...]

    @property
    def holds(self) -> bool:
        """Whether the claim is true of what was found again."""
        return all(condition.holds for condition in self.conditions)


class FoundAgain(msgspec.Struct, frozen=True):
    """What claims are checked against."""

    restored: Restored
    features: FeatureAttribution
    history: HistoryAttribution


def check_claims(
    restored: Restored, features: FeatureAttribution | None, history: HistoryAttribution | None
) -> tuple[ClaimCheck, ...]:
    """Every claim behind the sentence, checked; only sorting is checked of an item that no model scored."""
    claims = restored.replayed.explanation.claims
    if features is None or history is None:
        return tuple(_check(claim, _promoted(claim, restored)) for claim in claims if claim.kind == "promoted")
    found = FoundAgain(restored, features, history)
    return tuple(_check(claim, _CONDITIONS[claim.kind](claim, found)) for claim in claims)


def _check(claim: Claim, conditions: tuple[Condition, ...]) -> ClaimCheck:
    return ClaimCheck(claim.kind, claim.verdict, conditions)


def _watch_history(claim: Claim, found: FoundAgain) -> tuple[Condition, ...]:
    """The named items are those whose real removal lowers the session score most, each by the margin."""
    named = claim.evidence["items"]
    names = set(named) if isinstance(named, tuple | list) else set()
    bounds = found.restored.bundle.thresholds
    margin = bounds.history_margin if len(names) > 1 else bounds.history_single_margin
    drops = {item.item_id: item.removal or 0.0 for item in found.history.items}
    largest = sorted(drops, key=lambda item: -drops[item])[: len(names)]
    least = min((drops.get(name, 0.0) for name in names), default=0.0)
    codes = [found.restored.bundle.catalogue.code(name) for name in names]
    own = found.restored.bundle.catalogue.code(found.restored.item.item_id)
    return (
        Condition("largest_drops", bool(names) and names == set(largest)),
        Condition("above_margin", least > margin, least, margin),
        _listened(found),
        *_raw_score_falls(found.restored, codes),
        Condition("may_be_named", found.restored.names.nameable(codes, own)),
    )


def _raw_score_falls(restored: Restored, named: list[int]) -> Iterator[Condition]:
    """Where the release asks for it: the re-ranker's score really falls when it is computed without them."""
    least = restored.bundle.thresholds.history_raw_margin
    if least is None or restored.scored is None:
        return
    values, users = item_matrix(restored.bundle, [restored.item.item_features], "items"), restored.context.user_features
    without = score_list(restored.bundle, restored.history.without(named), users, restored.scored.codes, values)
    drop = float(restored.scored.raw_scores[0] - without.raw_scores[0])
    yield Condition("raw_score_falls", drop > least, drop, least)


def _category_match(claim: Claim, found: FoundAgain) -> tuple[Condition, ...]:
    """A positive category feature is among the three largest, the category features together are positive."""
    restored, spec = found.restored, found.restored.bundle.spec
    top = [reason for reason in found.features.ranked[:3] if spec.features[spec.index(reason.name)].category]
    total = sum(found.features.shap(feature.name) for feature in spec.features if feature.category)
    own = restored.names.category(restored.bundle.catalogue.code(restored.item.item_id))
    conditions = [
        Condition("category_in_top_three", any(reason.shap > 0 for reason in top)),
        Condition("category_raises", total > 0, total, 0.0),
        Condition("own_category", own is not None and own == claim.evidence["category"]),
    ]
    if claim.evidence["from_history"]:
        watched = sum(own in restored.bundle.catalogue.categories_of(code) for code in _recent(restored))
        conditions.append(Condition("watched_in_category", watched > 0, watched, 1.0))
    return tuple(conditions)


def _trending(claim: Claim, found: FoundAgain) -> tuple[Condition, ...]:
    """The logged facts of the trend snapshot pass the released bounds."""
    item, bounds = found.restored.item, found.restored.bundle.thresholds
    count, growth, rank = (fact(item, f"trend_{name}", 0.0) for name in ("count", "growth", "rank"))
    return (
        Condition("trend_count", count >= bounds.trending_min_count, count, bounds.trending_min_count),
        Condition("trend_growth", growth >= bounds.trending_min_growth, growth, bounds.trending_min_growth),
        Condition("trend_rank", 1 <= rank <= bounds.trending_max_rank, rank, bounds.trending_max_rank),
        Condition("said_count", claim.evidence["count"] == count),
    )


def _personalized(claim: Claim, found: FoundAgain) -> tuple[Condition, ...]:
    """Without the whole history the session score really falls by the margin."""
    fall = found.history.session_score - found.history.score_without_history
    margin = found.restored.bundle.thresholds.personalized_margin
    return (Condition("history_moved", fall > margin, fall, margin), _listened(found))


def _promoted(claim: Claim, restored: Restored) -> tuple[Condition, ...]:
    """Sorting the list again without this item's boost puts it elsewhere."""
    places = [place_in(restored.context.items, restored.item, boosted) for boosted in (True, False)]
    return (Condition("place_differs", places[0] != places[1], places[1], places[0]),)


def place_in(items: tuple[ListItem, ...], own: ListItem, boosted: bool) -> int:
    """The place (1 is the top) of an item sorted by score plus boost, with or without its own; ties by position."""

    def total(item: ListItem) -> float:
        counts = item.promotion is not None and (boosted or item.position != own.position)
        return item.reranking_score + (item.promotion.boost if item.promotion and counts else 0.0)

    ordered = sorted(items, key=lambda item: (-total(item), item.position))
    return 1 + [item.position for item in ordered].index(own.position)


def _listened(found: FoundAgain) -> Condition:
    value = found.features.shap(SESSION_SCORE)
    return Condition("reranker_listened", value > 0.0, value, 0.0)


def _recent(restored: Restored) -> list[int]:
    recent: list[int] = restored.history.codes[-HISTORY_EVENTS:].astype(np.int64).tolist()
    return recent


_CONDITIONS: Mapping[str, Callable[[Claim, FoundAgain], tuple[Condition, ...]]] = {
    "watch_history": _watch_history,
    "category_match": _category_match,
    "trending": _trending,
    "personalized": _personalized,
    "promoted": lambda claim, found: _promoted(claim, found.restored),
}
