"""Promotions: whether a paid boost changed an item's place in its list."""

from collections.abc import Sequence

from streamrec_explain.records import Claim, Evidence, ListItem


def promoted(items: Sequence[ListItem]) -> list[Claim | None]:
    """For each item with a positive boost the claim that its place would differ without it, None for others.

    Places follow re-ranker score plus boost as the caller gave them, ties the caller's positions: the list
    under explanation is the caller's, whatever this release would have made of it.
    """
    if not any(item.promotion for item in items):
        return [None] * len(items)
    totals = [(-_total(item), item.position) for item in items]
    return [_claim(item, totals) for item in items]


def _total(item: ListItem) -> float:
    return item.reranking_score + (item.promotion.boost if item.promotion else 0.0)


def _claim(item: ListItem, totals: Sequence[tuple[float, int]]) -> Claim | None:
    if item.promotion is None or item.promotion.boost <= 0.0:
        return None
    own, unboosted = (-_total(item), item.position), (-item.reranking_score, item.position)
    others = [total for total in totals if total != own]
    place, without = (1 + sum(total < key for total in others) for key in (own, unboosted))
    evidence: Evidence = {
        "sponsor": item.promotion.sponsor,
        "boost": item.promotion.boost,
        "place": place,
        "place_without_boost": without,
    }
    return Claim("promoted", place != without, evidence)
