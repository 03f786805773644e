"""Promotion of a first release on a real store: gates re-read, bundle verified, overrides told."""

from pathlib import Path

import pytest

from streamrec_explain.errors import (
    CorruptReleaseError,
    GateError,
    InvalidInputError,
    ReleaseNotFoundError,
)
from streamrec_explain.release.mlflow_registry import MlflowRegistry
from streamrec_explain.release.promotion import Promoter
from streamrec_explain.release.registry_reader import open_reader
from tests.release.small_releases import add_release, aliases, promote, register_small_release


def test_first_promotion(registry: MlflowRegistry, promoter: Promoter, tmp_path: Path) -> None:
    """Without a champion there is no previous one; the ledger says who, when, what and on which values."""
    version = add_release(registry, tmp_path, "first")
    entry = promoter.promote(version, who="ada", why="first release")
    assert (version, None) == aliases(registry)
    assert ("ada", 1_000, None, version, "first release") == (
        entry.who,
        entry.at_ms,
        entry.from_version,
        entry.to_version,
        entry.why,
    )
    assert (entry,) == promoter.ledger.entries()
    assert registry.gates(version).results == entry.gates


def test_promotion_alone_after_a_failed_gate_fails(
    registry: MlflowRegistry, promoter: Promoter, tmp_path: Path
) -> None:
    """The verdict stored on the version is read again: nothing moves, the gate and its value are named."""
    version = add_release(registry, tmp_path, "bad", ranking_vs_baselines=-0.001)
    with pytest.raises(GateError, match=r"ranking_vs_baselines: -0\.001 is not above 0"):
        promote(promoter, version)
    assert ((None, None), ()) == (aliases(registry), promoter.ledger.entries())


def test_promotion_without_gates_fails(registry: MlflowRegistry, promoter: Promoter, tmp_path: Path) -> None:
    """A version that no gate looked at is refused."""
    with pytest.raises(GateError, match="leakage: not evaluated"):
        promote(promoter, register_small_release(registry, tmp_path, "unseen"))


def test_override_is_written_in_the_ledger(registry: MlflowRegistry, promoter: Promoter, tmp_path: Path) -> None:
    """A refused release goes through with a reason, and the ledger keeps both."""
    version = add_release(registry, tmp_path, "own data", ranking_vs_baselines=-0.001)
    promoter.promote(version, who="ada", why="few users yet", override=True)
    written = promoter.ledger.entries()[0]
    assert (version, True, "few users yet") == (registry.alias("champion"), written.overridden, written.why)


def test_override_that_was_not_needed_is_no_override(
    registry: MlflowRegistry, promoter: Promoter, tmp_path: Path
) -> None:
    """Where every gate passed, the ledger does not say that one was passed over."""
    entry = promoter.promote(add_release(registry, tmp_path, "good"), who="ada", why="sure", override=True)
    assert not entry.overridden


def test_override_needs_a_reason(registry: MlflowRegistry, promoter: Promoter, tmp_path: Path) -> None:
    """A blank reason is refused before anything is read."""
    with pytest.raises(InvalidInputError, match="reason"):
        promoter.promote(add_release(registry, tmp_path, "good"), who="ada", why=" ", override=True)


@pytest.mark.parametrize("override", [False, True])
def test_overwritten_artifact_is_refused_by_name(
    registry: MlflowRegistry, registry_uri: str, promoter: Promoter, tmp_path: Path, override: bool
) -> None:
    """A file changed in the registry after registration stops the promotion, with an override too."""
    version = add_release(registry, tmp_path, "first")
    location = open_reader(registry_uri).version(version).location or ""
    Path(location.removeprefix("file://"), "explainer", "arrays.bin").write_bytes(b"overwritten")
    with pytest.raises(CorruptReleaseError) as refused:
        promoter.promote(version, who="ada", why="x", override=override)
    assert ("explainer/arrays.bin", None) == (refused.value.file, registry.alias("champion"))


def test_unknown_version_is_refused(promoter: Promoter) -> None:
    """There is nothing to promote."""
    with pytest.raises(ReleaseNotFoundError, match="no version 9"):
        promote(promoter, 9)


def test_rollback_without_an_earlier_champion(registry: MlflowRegistry, promoter: Promoter, tmp_path: Path) -> None:
    """The first champion has nothing to go back to."""
    promote(promoter, add_release(registry, tmp_path, "first"))
    with pytest.raises(ReleaseNotFoundError, match="no earlier champion"):
        promoter.rollback(who="bob", why="x")
