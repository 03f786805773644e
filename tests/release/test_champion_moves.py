"""Moves of an existing champion: replaced, retried, settled after a crash, rolled back."""

import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

from streamrec_explain.errors import PromotionConflictError, ReleaseNotFoundError
from streamrec_explain.release.ledger import Ledger
from streamrec_explain.release.mlflow_registry import MlflowRegistry
from streamrec_explain.release.promotion import Promoter
from tests.release.small_releases import add_release, aliases, promote


@pytest.fixture
def registry_uri(two_promoted: Path, tmp_path: Path) -> str:
    """A store in which release 2 is champion and 1 the previous one."""
    shutil.copy(two_promoted / "mlflow.db", tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path / 'mlflow.db'}"


@pytest.fixture
def ledger(two_promoted: Path, tmp_path: Path) -> Ledger:
    """The ledger of that store."""
    shutil.copy(two_promoted / "ledger.sqlite", tmp_path / "ledger.sqlite")
    return Ledger(tmp_path / "ledger.sqlite")


def test_second_promotion_keeps_the_previous_champion(registry: MlflowRegistry, promoter: Promoter) -> None:
    """The champion moves and the one it replaced stays known."""
    assert (2, 1) == aliases(registry)
    assert [(1, 2), (None, 1)] == [(each.from_version, each.to_version) for each in promoter.ledger.entries()]


def test_champion_promoted_again_changes_nothing(registry: MlflowRegistry, promoter: Promoter) -> None:
    """A retried promotion returns the entry that made the version champion."""
    before = promoter.ledger.entries()
    assert before[0] == promoter.promote(2, who="retry", why="retry")
    assert ((2, 1), before) == (aliases(registry), promoter.ledger.entries())


def test_release_judged_against_another_champion_is_refused(
    registry: MlflowRegistry, promoter: Promoter, tmp_path: Path
) -> None:
    """Of two candidates judged against champion 1, the one that comes second is told so; judged again it passes."""
    late = add_release(registry, tmp_path, "late", champion=1)
    with pytest.raises(PromotionConflictError, match="was to replace champion 1, but the champion is 2"):
        promote(promoter, late)
    registry.record_gates(late, registry.gates(late).results, champion=2)
    promote(promoter, late)
    assert (late, 2) == aliases(registry)


def test_crash_before_the_alias_moved_leaves_no_entry(
    registry: MlflowRegistry, promoter: Promoter, tmp_path: Path
) -> None:
    """A promotion killed between ledger and alias is forgotten, and the next one goes through."""
    promoter.ledger.begin(promoter.ledger.entries()[1])
    third = add_release(registry, tmp_path, "third", champion=2)
    promote(promoter, third)
    assert [3, 2, 1] == [each.to_version for each in promoter.ledger.entries()]


def test_crash_after_the_alias_moved_keeps_the_entry(
    registry: MlflowRegistry, promoter: Promoter, tmp_path: Path
) -> None:
    """A promotion killed after the alias moved is in the ledger once somebody promotes or retries."""
    third = add_release(registry, tmp_path, "third", champion=2)
    begun = replace(promoter.ledger.entries()[0], from_version=2, to_version=third)
    promoter.ledger.begin(begun)
    registry.set_alias("champion", third)
    assert begun == promoter.promote(third, who="retry", why="retry")
    assert [3, 2, 1] == [each.to_version for each in promoter.ledger.entries()]


def test_rollback_goes_to_the_previous_champion(registry: MlflowRegistry, promoter: Promoter) -> None:
    """The earlier champion returns, the one rolled back from is now the previous one."""
    entry = promoter.rollback(who="bob", why="worse in Japan")
    assert ((1, 2), "rollback", 2, 1) == (aliases(registry), entry.action, entry.from_version, entry.to_version)
    assert entry == promoter.ledger.entries()[0]


def test_rollback_to_a_given_version(registry: MlflowRegistry, promoter: Promoter, tmp_path: Path) -> None:
    """Any earlier champion may be named; a release that never was one may not."""
    promote(promoter, add_release(registry, tmp_path, "third", champion=2))
    never = add_release(registry, tmp_path, "never", champion=3)
    promoter.rollback(1, who="bob", why="x")
    with pytest.raises(ReleaseNotFoundError, match=f"version {never} never was champion"):
        promoter.rollback(never, who="bob", why="x")
    assert (1, 3) == aliases(registry)
