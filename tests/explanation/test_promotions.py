"""A boost is told exactly when the item's place in the sorted list depends on it."""

from hypothesis import given
from hypothesis import strategies as st

from streamrec_explain.explanation.promotions import promoted
from streamrec_explain.records import ListItem, Promotion

SCORES = st.integers(-3, 3).map(float)
ENTRIES = st.lists(st.tuples(SCORES, st.none() | st.integers(-2, 4).map(float)), min_size=1, max_size=8)


def item(position: int, score: float, boost: float | None) -> ListItem:
    """A list item with this score and boost."""
    promotion = None if boost is None else Promotion("Acme", boost)
    return ListItem(f"i{position}", position, 0.0, score, {}, promotion=promotion)


def place(items: list[ListItem], index: int, own_boost: float) -> int:
    """The place of an item when the list is really sorted with another boost of its own."""
    boosts = [other.promotion.boost if other.promotion else 0.0 for other in items]
    boosts[index] = own_boost
    order = sorted(range(len(items)), key=lambda i: (-(items[i].reranking_score + boosts[i]), items[i].position))
    return order.index(index) + 1


@given(ENTRIES)
def test_places_are_those_of_really_sorted_lists(entries: list[tuple[float, float | None]]) -> None:
    """With and without its boost, against an oracle that sorts."""
    items = [item(position, score, boost) for position, (score, boost) in enumerate(entries)]
    for index, (one, claim) in enumerate(zip(items, promoted(items), strict=True)):
        if one.promotion is None or one.promotion.boost <= 0:
            assert claim is None
            continue
        expected = place(items, index, one.promotion.boost), place(items, index, 0.0)
        assert claim is not None
        assert expected == (claim.evidence["place"], claim.evidence["place_without_boost"])
        assert (expected[0] != expected[1]) == claim.verdict
