"""Each claim holds exactly when the numbers of one item say so."""

from collections.abc import Mapping
from dataclasses import replace

import msgspec
import pytest

from streamrec_explain.explanation import claims
from streamrec_explain.explanation.claims import Case
from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.naming import ItemNames
from streamrec_explain.explanation.signals import ItemAttribution
from streamrec_explain.explanation.thresholds import Thresholds
from streamrec_explain.features.spec import DEFAULT_SPEC
from streamrec_explain.records import ListItem

AFFINITY, CATEGORY = (DEFAULT_SPEC.index(name) for name in ("user_category_affinity_score", "item_category"))
OTHER = DEFAULT_SPEC.index("item_click_rate")
FACTS = {"trend_count": 10.0, "trend_growth": 1.5, "trend_rank": 100.0, "trend_in_region": 1.0}


@pytest.fixture
def names(bundle: EngineBundle) -> ItemNames:
    """What may be said of the tiny catalogue."""
    return ItemNames(bundle.catalogue)


@pytest.fixture
def bounded(bundle: EngineBundle) -> EngineBundle:
    """Margins that are easy to read: 1 for each of two, 2 for one alone, 3 for the whole history."""
    bounds = Thresholds(history_margin=1.0, history_single_margin=2.0, personalized_margin=3.0)
    return replace(bundle, thresholds=bounds)


def case(
    shap: Mapping[int, float] | None = None,
    facts: Mapping[str, float] | None = None,
    watched: Mapping[int, int] | None = None,
    **fields: object,
) -> Case:
    """A case about item 0 (main category Drama) whose attribution has these fields."""
    values = [0.0] * len(DEFAULT_SPEC)
    for column, value in (shap or {}).items():
        values[column] = value
    found = ItemAttribution(
        code=0,
        shap=values,
        top_features=sorted(range(len(values)), key=lambda column: -abs(values[column]))[:5],
        category_shap=sum(values[i] for i, feature in enumerate(DEFAULT_SPEC.features) if feature.category),
        group_shares=[0.0, 0.0, 0.0],
        session_score_shap=0.5,
        strongest=[],
        attended=[],
        attended_contributions=[],
        history_total=0.0,
        recency_bias=0.0,
    )
    item = ListItem("i0", 0, 0.0, 0.0, {}, facts or {})
    return Case(item, msgspec.structs.replace(found, **fields), "US", watched or {})


@pytest.mark.parametrize(
    ("expected", "strongest", "session_score_shap"),
    [
        pytest.param(("i1", "i2"), [(1, 1.5), (2, 1.1)], 0.5, id="two above the margin"),
        pytest.param(("i1",), [(1, 2.5), (2, 0.9)], 0.5, id="one alone above its margin"),
        pytest.param(None, [(1, 1.9), (2, 0.9)], 0.5, id="one alone below its margin"),
        pytest.param(None, [(1, 1.5), (2, 1.1)], 0.0, id="the re-ranker did not listen"),
        pytest.param(None, [(1, 1.5), (2, 1.1)], -0.1, id="the re-ranker turned it round"),
        pytest.param(None, [(1, 0.9), (2, 0.8)], 0.5, id="both below the margin"),
        pytest.param(None, [], 0.5, id="no history"),
        pytest.param(None, [(7, 2.5), (2, 2.1)], 0.5, id="the strongest is sensitive"),
        pytest.param(None, [(1, 2.5), (11, 2.1)], 0.5, id="the second has no title"),
        pytest.param(None, [(12, 2.5), (13, 2.1)], 0.5, id="the same title twice"),
        pytest.param(None, [(0, 2.5), (1, 2.1)], 0.5, id="the recommended item itself"),
        pytest.param(("i1",), [(1, 2.5), (7, 0.9)], 0.5, id="an unnameable item below the margin"),
    ],
)
def test_watch_history(
    bounded: EngineBundle,
    names: ItemNames,
    expected: tuple[str, ...] | None,
    strongest: list[tuple[int, float]],
    session_score_shap: float,
) -> None:
    """Named items are the strongest, above their margin, sayable, and listened to."""
    found = case(strongest=strongest, session_score_shap=session_score_shap)
    claim = claims.watch_history(bounded, names, found)
    assert expected == (claim.evidence["items"] if claim.verdict else None)


@pytest.mark.parametrize(
    ("expected", "shap", "watched"),
    [
        pytest.param("user_category_affinity_score", {AFFINITY: 0.3}, {1: 2}, id="interest with history"),
        pytest.param(None, {AFFINITY: 0.3}, {2: 9}, id="interest without an event in the category"),
        pytest.param("item_category", {CATEGORY: 0.3}, {}, id="the category itself needs no history"),
        pytest.param(None, {AFFINITY: -0.9, OTHER: 0.1}, {1: 2}, id="negative however large"),
        pytest.param(None, {AFFINITY: 0.3, CATEGORY: -0.4}, {1: 2}, id="outweighed by another category feature"),
        pytest.param("item_category", {AFFINITY: -0.3, CATEGORY: 0.4}, {1: 2}, id="the positive one is named"),
        pytest.param(None, {OTHER: 0.4}, {1: 2}, id="no category feature has a value"),
    ],
)
def test_category_match(
    bounded: EngineBundle,
    names: ItemNames,
    expected: str | None,
    shap: Mapping[int, float],
    watched: Mapping[int, int],
) -> None:
    """A positive category feature among the three largest, for the item's own main category (Drama is code 1)."""
    claim = claims.category_match(bounded, names, case(shap, watched=watched))
    assert expected == (claim.evidence["feature"] if claim.verdict else None)
    assert "Drama" == claim.evidence["category"]


def test_category_match_beyond_the_top_three(bounded: EngineBundle, names: ItemNames) -> None:
    """The fourth largest value does not carry a sentence."""
    others = {OTHER: 0.9, OTHER + 1: 0.8, OTHER + 2: -0.7, AFFINITY: 0.6}
    assert not claims.category_match(bounded, names, case(others, watched={1: 3})).verdict


@pytest.mark.parametrize(
    ("expected", "changes"),
    [
        pytest.param(True, {}, id="on every bound"),
        pytest.param(False, {"trend_count": 9.0}, id="too few"),
        pytest.param(False, {"trend_growth": 1.49}, id="not growing"),
        pytest.param(False, {"trend_rank": 101.0}, id="too far down"),
        pytest.param(False, {"trend_rank": 0.0}, id="not ranked"),
        pytest.param(False, {"trend_count": float("nan")}, id="count unknown"),
        pytest.param(False, {"trend_growth": float("nan")}, id="growth unknown"),
    ],
)
def test_trending(bounded: EngineBundle, expected: bool, changes: Mapping[str, float]) -> None:
    """All of count, growth and rank, with the count as evidence."""
    claim = claims.trending(bounded, case(facts={**FACTS, **changes}))
    assert expected == claim.verdict
    assert not expected or claim.evidence["count"] == 10.0


@pytest.mark.parametrize(("expected", "own"), [("US", 1.0), (None, 0.0), (None, float("nan"))])
def test_trending_names_a_market_only_if_the_facts_are_its_own(
    bounded: EngineBundle, expected: str | None, own: float
) -> None:
    """Facts of all markets say nothing of one."""
    claim = claims.trending(bounded, case(facts={**FACTS, "trend_in_region": own}))
    assert expected == claim.evidence["market"]


@pytest.mark.parametrize(
    ("expected", "total", "listened"), [(True, 3.1, 0.1), (False, 3.0, 0.1), (False, 3.1, 0.0), (False, -9.0, 0.1)]
)
def test_personalized(bounded: EngineBundle, expected: bool, total: float, listened: float) -> None:
    """The whole history raised the score by more than the margin, and the re-ranker listened."""
    found = case(history_total=total, session_score_shap=listened)
    assert expected == claims.personalized(bounded, found).verdict
