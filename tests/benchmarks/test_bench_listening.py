"""What it costs a list of 20 that the re-ranker scores again without what each sentence names: the same release with
and without asking, taking turns in one process.

Times are CPU time of the thread, so that other work on the machine disturbs less.
"""

import time
from dataclasses import replace
from statistics import median

import msgspec
import pytest

from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.engine import ExplanationEngine
from streamrec_explain.records import ListContext
from tests.explanation.conftest import tiny_bundle
from tests.explanation.ranked_lists import random_list

EVENTS, ITEMS, ROUNDS, LISTS = 50, 20, 40, 50
MOST = 1.5  # times a list without asking


def engine_that(bundle: EngineBundle, asks: bool) -> ExplanationEngine:
    """The engine of a release that asks for a falling raw score, or of the same one that does not."""
    thresholds = msgspec.structs.replace(bundle.thresholds, history_raw_margin=0.0 if asks else None)
    return ExplanationEngine(replace(bundle, thresholds=thresholds))


def microseconds(engine: ExplanationEngine, context: ListContext) -> float:
    """CPU time of one list."""
    start = time.thread_time_ns()
    engine.explain_list(context)
    return (time.thread_time_ns() - start) / 1e3


@pytest.mark.benchmark
def test_bench_scoring_again_without_the_named_items() -> None:
    """Medians over lists of each list's best round, and the median of their ratios."""
    bundle = tiny_bundle()
    silent, asking = (engine_that(bundle, asks) for asks in (False, True))
    lists = [random_list(bundle, seed, length=EVENTS, size=ITEMS) for seed in range(LISTS)]
    said = [each for context in lists for each in asking.explain_list(context).explanations]
    named = [each.claims[0].evidence for each in said if each.explanation_type == "watch_history"]
    assert named
    assert all(evidence["raw_score_drop"] > 0 for evidence in named)
    rounds = [[(microseconds(silent, each), microseconds(asking, each)) for each in lists] for _ in range(ROUNDS)]
    best = [tuple(min(pair[side] for pair in turns) for side in (0, 1)) for turns in zip(*rounds, strict=True)]
    ratio = median(after / before for before, after in best)
    print(f"\n{ITEMS} items, {EVENTS} events, {len(named)} of {len(said)} sentences name items, CPU of one list:")
    print(f"{'without asking':>32} {median(before for before, _ in best):8.0f} us")
    print(f"{'scored again without the named':>32} {median(after for _, after in best):8.0f} us, ratio {ratio:.2f}")
    assert ratio < MOST
