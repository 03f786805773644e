"""Signals against slow, plain recomputation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.engine import ExplanationEngine
from streamrec_explain.explanation.history import resolve_history
from tests.explanation.ranked_lists import LOUD, random_list

SEEDS = st.integers(0, 10_000)
RELAXED = settings(max_examples=20, deadline=None)


def event_contributions(bundle: EngineBundle, item_id: str, history: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Contributions of each event, by the formula of the model, one event at a time."""
    model, code = bundle.session_model, bundle.catalogue.code(item_id)
    listens = model.candidate_table[code].astype(np.float64)
    terms = [
        sum(model.lag_curve[head, lag] * (model.event_table[event, head] @ listens[head]) for head in range(2))
        for event, lag in zip(*history, strict=True)
        if lag <= model.max_lag
    ]
    return np.array(terms)


@RELAXED
@given(SEEDS, st.sampled_from([1, 2, 5, 30]))
def test_attention_is_the_share_of_each_distinct_item(
    bundle: EngineBundle, engine: ExplanationEngine, seed: int, length: int
) -> None:
    """An item watched twice has one share: of the sum of its contributions."""
    context = random_list(bundle, seed, length)
    history = resolve_history(context.session_history, bundle.catalogue)
    for item, signals in zip(context.items, engine.signals(context), strict=True):
        terms = event_contributions(bundle, item.item_id, (history.codes, history.lags))
        sums = {f"i{code}": abs(terms[history.codes == code].sum()) for code in set(history.codes.tolist())}
        ranked = sorted(sums, key=lambda name: -sums[name])[:5]
        for name, (shown, share) in zip(ranked, signals.attention_top_items, strict=True):
            assert sums[name] / sum(sums.values()) == pytest.approx(share, abs=1e-5)
            assert sums[shown] == pytest.approx(sums[name], abs=1e-5)


@RELAXED
@given(SEEDS)
def test_recency_bias_is_a_correlation(bundle: EngineBundle, engine: ExplanationEngine, seed: int) -> None:
    """NumPy's correlation of attention and place, over the events within the horizon."""
    context = random_list(bundle, seed, length=12)
    history = resolve_history(context.session_history, bundle.catalogue)
    for item, signals in zip(context.items, engine.signals(context), strict=True):
        size = np.abs(event_contributions(bundle, item.item_id, (history.codes, history.lags)))
        expected = np.corrcoef(np.arange(12), size)[0, 1]
        assert expected == pytest.approx(signals.attention_recency_bias, abs=1e-4)


@pytest.mark.parametrize("length", [0, 1])
def test_recency_bias_of_a_short_history_is_zero(
    bundle: EngineBundle, engine: ExplanationEngine, length: int
) -> None:
    """Nothing varies: 0, never NaN."""
    signals = engine.signals(random_list(bundle, 3, length))
    assert {0.0} == {one.attention_recency_bias for one in signals}


@RELAXED
@given(SEEDS)
def test_category_match_is_a_fraction_of_the_top_three(
    bundle: EngineBundle, engine: ExplanationEngine, seed: int
) -> None:
    """Main categories of the three most attended items, compared with the recommended one's."""
    context = random_list(bundle, seed, length=9)
    categories = bundle.catalogue.categories_of
    for item, signals in zip(context.items, engine.signals(context), strict=True):
        own = categories(bundle.catalogue.code(item.item_id))[:1]
        top = [categories(bundle.catalogue.code(name))[:1] for name, _ in signals.attention_top_items[:3]]
        assert sum(other == own != () for other in top) / len(top) == signals.attention_category_match


def test_facts_become_signals(bundle: EngineBundle, engine: ExplanationEngine) -> None:
    """Percentile, top-100 trending and region come from the list."""
    context = random_list(bundle, 5)
    result = engine.signals(context)
    for item, signals in zip(context.items, result, strict=True):
        assert item.item_facts["popularity_percentile"] == signals.item_popularity_percentile
        assert signals.item_is_trending
        assert "US" == signals.user_region
    assert LOUD["popularity_percentile"] in {one.item_popularity_percentile for one in result}
