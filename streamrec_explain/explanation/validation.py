"""Checks of a request that do not depend on the release."""

from streamrec_explain.errors import RequestError
from streamrec_explain.explanation.feature_values import check_finite, check_number
from streamrec_explain.records import ListContext


def check_list(context: ListContext) -> None:
    """RequestError, naming the field, for repeated or negative positions and scores that are no number."""
    seen: set[int] = set()
    for index, item in enumerate(context.items):
        place = f"items[{index}]"
        if item.position < 0 or item.position in seen:
            field = f"{place}.position"
            raise RequestError(f"{field} is {item.position}; it must be new and not negative", field)
        seen.add(item.position)
        check_number(item.ranking_score, f"{place}.ranking_score")
        check_number(item.reranking_score, f"{place}.reranking_score")
        check_finite(item.item_facts, f"{place}.item_facts")
        if item.promotion is not None:
            check_number(item.promotion.boost, f"{place}.promotion.boost")
