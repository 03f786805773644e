"""Lists to explain: random contexts ranked by the release itself."""

import numpy as np

from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.history import numbered
from streamrec_explain.explanation.ranking import Candidate, rank_list
from streamrec_explain.records import HistoryEvent, ListContext, Promotion

NOW_MS = 1_700_000_000_000
QUIET = {"popularity_percentile": 40.0, "trend_count": 2.0, "trend_baseline_count": 20.0, "trend_growth": 0.9}
LOUD = {"popularity_percentile": 99.0, "trend_count": 2_345.0, "trend_baseline_count": 10.0, "trend_growth": 9.0}


def candidate(
    bundle: EngineBundle, item_id: str, rng: np.random.Generator, boost: float | None = None
) -> Candidate:
    """A candidate with random item features; every fourth is trending in its region."""
    names = bundle.spec.names_of("item")
    loud = rng.random() < 0.25
    facts = (LOUD if loud else QUIET) | {"trend_rank": 3.0 if loud else 25.0, "trend_in_region": 1.0}
    promotion = None if boost is None else Promotion("Acme", boost)
    features = dict(zip(names, rng.normal(size=len(names)).tolist(), strict=True))
    return Candidate(item_id, features, facts, promotion)


def random_history(rng: np.random.Generator, length: int) -> tuple[HistoryEvent, ...]:
    """A history of random items, repeats included."""
    return numbered([f"i{code}" for code in rng.integers(0, 30, size=length)])


def random_list(
    bundle: EngineBundle,
    seed: int,
    length: int = 20,
    size: int = 10,
    boosts: dict[int, float] | None = None,
    locale: str = "en",
) -> ListContext:
    """A list ranked by the release for a random history of `length` events; `boosts` by candidate number."""
    rng = np.random.default_rng(seed)
    history = random_history(rng, length)
    names = bundle.spec.names_of("user")
    user_features = dict(zip(names, rng.normal(size=len(names)).tolist(), strict=True))
    boost_of = boosts or {}
    rows = enumerate(rng.permutation(30)[:size])
    candidates = [candidate(bundle, f"i{code}", rng, boost_of.get(row)) for row, code in rows]
    items = rank_list(bundle, history, user_features, candidates, NOW_MS)
    return ListContext(f"r{seed}", "u" * 32, "US", locale, NOW_MS, history, user_features, items)
