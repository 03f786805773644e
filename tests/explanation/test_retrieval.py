"""Retrieval: unseen items by score, by trend and at random, and boosts for the sponsored ones."""

from dataclasses import replace

import numpy as np
import pytest

from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.history import ResolvedHistory
from streamrec_explain.explanation.retrieval import retrieve, sponsored_boosts
from streamrec_explain.features.snapshots import TrendSnapshot, trend_snapshot
from streamrec_explain.features.spec import DEFAULT_SPEC
from streamrec_explain.records import Promotion
from tests.explanation.conftest import item_rows
from tests.reference.small_world import HOUR_MS, START_MS, impression, world_of

HISTORY = ResolvedHistory(np.array([4, 9, 4], np.int32), np.array([3, 2, 1], np.int32))
EMPTY = ResolvedHistory(np.empty(0, np.int32), np.empty(0, np.int32))


@pytest.fixture(scope="module")
def trends(bundle: EngineBundle) -> TrendSnapshot:
    """In the US item 20 is watched five times, 21 four times, 9 three times; elsewhere item 25."""
    watched = [20] * 5 + [21] * 4 + [9] * 3
    events = [impression(f"u{n}", f"i{code}", START_MS + n) for n, code in enumerate(watched)]
    events += [impression("u0", "i25", START_MS + 50, market="EU")]
    world = world_of(events, item_rows(), [f"u{n}" for n in range(12)])
    return trend_snapshot(world, DEFAULT_SPEC, bundle.catalogue, START_MS + HOUR_MS)


def retrieved(
    bundle: EngineBundle, trends: TrendSnapshot, history: ResolvedHistory, region: str, seed: int, size: int = 60
) -> list[int]:
    """The catalogue rows of what is proposed."""
    found = retrieve(bundle, trends, history, region, np.random.default_rng(seed), size)
    return bundle.catalogue.codes(found).tolist()


@pytest.mark.parametrize("history", [HISTORY, EMPTY], ids=["history", "none"])
@pytest.mark.parametrize("size", [4, 12, 60])
def test_proposals_are_distinct_and_unseen(
    bundle: EngineBundle, trends: TrendSnapshot, history: ResolvedHistory, size: int
) -> None:
    """No item twice, none that was watched, no more than asked for."""
    found = retrieved(bundle, trends, history, "US", 1, size)
    assert len(set(found)) == len(found) <= size
    assert not set(found) & set(history.codes.tolist())


def test_half_have_the_best_scores_and_come_first(bundle: EngineBundle, trends: TrendSnapshot) -> None:
    """The six unseen items with the highest session scores, best first."""
    everything = np.arange(30, dtype=np.int32)
    scores = bundle.session_model.scores(HISTORY.codes, HISTORY.lags, everything)
    best = [code for code in np.argsort(-scores).tolist() if code not in (4, 9)]
    assert best[:6] == retrieved(bundle, trends, HISTORY, "US", 1, size=12)[:6]


@pytest.mark.parametrize(
    ("region", "expected"),
    [
        pytest.param("US", {20, 21}, id="own market, but not what was watched"),
        pytest.param("EU", {25}, id="another market"),
        pytest.param("JP", {20, 21}, id="all markets for one never seen"),
    ],
)
def test_a_quarter_is_what_is_watched_in_the_region(
    bundle: EngineBundle, trends: TrendSnapshot, region: str, expected: set[int]
) -> None:
    """The most watched unseen items of the market are proposed whatever the random ones are."""
    quiet = replace(bundle, session_model=silenced(bundle, expected))
    always = set.intersection(*(set(retrieved(quiet, trends, HISTORY, region, seed, 12)) for seed in range(8)))
    assert expected <= always


def silenced(bundle: EngineBundle, codes: set[int]) -> object:
    """The session model with the lowest bias for some items, so that no score proposes them."""
    bias = bundle.session_model.bias.copy()
    bias[list(codes)] = -100.0
    return replace(bundle.session_model, bias=bias)


def test_equal_generators_propose_alike(bundle: EngineBundle, trends: TrendSnapshot) -> None:
    """Only the random quarter depends on the generator."""
    first, again, other = (retrieved(bundle, trends, HISTORY, "US", seed, 12) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert first[:6] == other[:6]


def test_only_sponsored_items_are_boosted(bundle: EngineBundle) -> None:
    """Item 3 is the sponsored one; its creator pays; unknown items are passed over."""
    expected = {"i3": Promotion("creator 3", 0.4)}
    assert expected == sponsored_boosts(bundle.catalogue, ["i1", "i3", "nobody knows it"], 0.4)


def test_a_sponsor_without_name(bundle: EngineBundle) -> None:
    """An item without creator is paid for by an unnamed sponsor."""
    sponsored = replace(bundle.catalogue, sponsored=np.ones(30, bool))
    assert {"i28": Promotion("sponsor", 0.1)} == sponsored_boosts(sponsored, ["i28"], 0.1)
