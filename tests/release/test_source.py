"""The source of releases: named by the registry, kept by the cache, served on from the cache alone."""

from pathlib import Path

import pytest

from streamrec_explain.errors import CorruptReleaseError, RegistryUnavailableError, ReleaseNotFoundError
from streamrec_explain.release.cache import ReleaseCache
from streamrec_explain.release.mlflow_registry import MlflowRegistry
from streamrec_explain.release.model_version import ModelVersion
from streamrec_explain.release.source import ReleaseSource
from tests.release.small_releases import add_release


@pytest.fixture
def source(registry: MlflowRegistry, registry_uri: str, tmp_path: Path) -> ReleaseSource:
    """A source whose champion is the one release of the registry; nothing is cached."""
    registry.set_alias("champion", add_release(registry, tmp_path, "first"))
    return ReleaseSource(registry_uri, ReleaseCache(tmp_path / "cache"))


def test_champion_is_taken_and_kept(source: ReleaseSource, tmp_path: Path) -> None:
    """Once it was taken, the folder of a release needs no registry."""
    champion = source.champion()
    release = ModelVersion.of(champion.version, champion.digest)
    folder = source.take(champion)
    (tmp_path / "mlflow.db").unlink()
    assert folder == source.folder(release)
    assert "first" == (folder / "model.txt").read_text()
    with pytest.raises(RegistryUnavailableError):
        source.champion()


def test_folder_is_fetched_where_the_cache_has_none_or_a_bad_one(source: ReleaseSource) -> None:
    """A missing copy and a damaged one both come from the registry again."""
    champion = source.champion()
    release = ModelVersion.of(champion.version, champion.digest)
    for _ in range(2):
        file = source.folder(release) / "model.txt"
        assert "first" == file.read_text()
        file.write_text("damaged")


def test_release_of_another_digest_is_not_taken_for_it(source: ReleaseSource) -> None:
    """Version 1 of another registry has this number but not these bytes."""
    with pytest.raises(ReleaseNotFoundError, match="its version 1 is"):
        source.folder(ModelVersion(1, "00000000"))


def test_last_served_release_is_remembered(source: ReleaseSource) -> None:
    """Nothing before the first release was served, then that one, verified."""
    with pytest.raises(ReleaseNotFoundError):
        source.last_served()
    champion = source.champion()
    release, folder = ModelVersion.of(champion.version, champion.digest), source.take(champion)
    source.remember(release)
    assert (release, folder) == source.last_served()
    (folder / "model.txt").write_text("damaged")
    with pytest.raises(CorruptReleaseError) as refused:
        source.last_served()
    assert "model.txt" == refused.value.file
