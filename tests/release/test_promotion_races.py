"""Two promotions at once: one wins, the other says so."""

import itertools
import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from streamrec_explain.errors import PromotionConflictError
from streamrec_explain.release.ledger import Ledger
from streamrec_explain.release.mlflow_registry import MlflowRegistry
from streamrec_explain.release.promotion import Promoter
from tests.release.small_releases import add_release


def outcome(promoter: Promoter, version: int) -> str:
    """What a promotion ends in: "won" or the name of its error."""
    try:
        promoter.promote(version, who=f"promoter of {version}", why="race")
    except PromotionConflictError as error:
        return type(error).__name__
    return "won"


def test_two_threads_promote_at_once(registry: MlflowRegistry, promoter: Promoter, tmp_path: Path) -> None:
    """Two candidates judged against the same champion: one wins, the other says so, the ledger has one entry."""
    candidates = [add_release(registry, tmp_path, name) for name in ("first", "second")]
    start = Barrier(2)

    def race(version: int) -> str:
        start.wait()
        return outcome(promoter, version)

    with ThreadPoolExecutor(2) as pool:
        outcomes = dict(zip(candidates, pool.map(race, candidates), strict=True))
    assert ["PromotionConflictError", "won"] == sorted(outcomes.values())
    assert ["won"] == [outcomes[entry.to_version] for entry in promoter.ledger.entries()]
    assert "won" == outcomes[registry.alias("champion") or 0]


def promote_at_start(uri: str, ledger: Path, version: int, start: Any, results: Any) -> None:
    """Open everything in this process, wait for the common start, promote, tell the outcome."""
    ticks = itertools.count(1_000)
    promoter = Promoter(MlflowRegistry.open(uri), Ledger(ledger), lambda: next(ticks))
    start.wait()
    results.put((version, outcome(promoter, version)))


@pytest.mark.slow
def test_two_processes_promote_at_once(
    registry: MlflowRegistry, registry_uri: str, ledger: Ledger, tmp_path: Path
) -> None:
    """The same between real processes that share nothing but the files."""
    candidates = [add_release(registry, tmp_path, name) for name in ("first", "second")]
    context = multiprocessing.get_context("spawn")
    start, results = context.Barrier(2), context.SimpleQueue()
    shared = (registry_uri, tmp_path / "ledger.sqlite")
    racers = [context.Process(target=promote_at_start, args=(*shared, each, start, results)) for each in candidates]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(timeout=120)
    assert [0, 0] == [racer.exitcode for racer in racers]
    outcomes = dict(results.get() for _ in racers)
    assert ["PromotionConflictError", "won"] == sorted(outcomes.values())
    assert ["won"] == [outcomes[entry.to_version] for entry in ledger.entries()]
    assert "won" == outcomes[registry.alias("champion") or 0]
