"""The local cache: sound copies only, filled atomically, the last good release found again."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from streamrec_explain.errors import CorruptReleaseError, ReleaseNotFoundError
from streamrec_explain.release.bundle import verify_bundle
from streamrec_explain.release.cache import ReleaseCache
from streamrec_explain.release.model_version import ModelVersion
from tests.release.small_releases import write_small_bundle


class Store:
    """One bundle as a registry holds it, counting how often it is fetched."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.digest = write_small_bundle(folder)
        self.release = ModelVersion.of(13, self.digest)
        self.fetched = 0

    def fetch(self, folder: Path) -> None:
        """Copy the bundle."""
        self.fetched += 1
        shutil.copytree(self.folder, folder)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with one bundle."""
    return Store(tmp_path / "registered")


@pytest.fixture
def cache(tmp_path: Path) -> ReleaseCache:
    """An empty cache."""
    return ReleaseCache(tmp_path / "cache")


def visible(folder: Path) -> list[str]:
    """What lies in the cache."""
    return sorted(path.name for path in folder.iterdir())


def test_release_is_fetched_once(store: Store, cache: ReleaseCache, tmp_path: Path) -> None:
    """The second time a release is taken it comes from the cache, in a folder named version@digest."""
    folders = {cache.take(store.release, store.digest, store.fetch) for _ in range(2)}
    assert ({tmp_path / "cache" / f"13@{store.digest[:8]}"}, 1) == (folders, store.fetched)


def test_copy_that_went_bad_is_fetched_again(store: Store, cache: ReleaseCache) -> None:
    """A damaged cached file is replaced by the registry's sound one."""
    folder = cache.take(store.release, store.digest, store.fetch)
    (folder / "model.txt").write_bytes(b"other")
    verify_bundle(cache.take(store.release, store.digest, store.fetch), store.digest)
    assert 2 == store.fetched


def test_corrupted_release_is_refused_by_file_name(store: Store, cache: ReleaseCache, tmp_path: Path) -> None:
    """An artifact overwritten in the registry is refused, named, and leaves nothing in the cache."""
    (store.folder / "model.txt").write_bytes(b"other")
    with pytest.raises(CorruptReleaseError) as refused:
        cache.take(store.release, store.digest, store.fetch)
    assert ("model.txt", []) == (refused.value.file, visible(tmp_path / "cache"))


def test_fetch_that_dies_leaves_no_folder(store: Store, cache: ReleaseCache, tmp_path: Path) -> None:
    """Half a download never becomes a release."""

    def dies(folder: Path) -> None:
        folder.mkdir()
        (folder / "model.txt").write_bytes(b"fi")
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        cache.take(store.release, store.digest, dies)
    assert [] == visible(tmp_path / "cache")


def test_two_workers_fill_the_same_folder(store: Store, cache: ReleaseCache, tmp_path: Path) -> None:
    """Two that fetch at once both get the one sound folder."""
    both = Barrier(2)

    def fetch(folder: Path) -> None:
        store.fetch(folder)
        both.wait()

    with ThreadPoolExecutor(2) as pool:
        folders = set(pool.map(lambda _: cache.take(store.release, store.digest, fetch), range(2)))
    assert ({cache.folder(store.release)}, 2) == (folders, store.fetched)
    assert [f"13@{store.digest[:8]}"] == visible(tmp_path / "cache")


def test_last_good_release_survives_a_restart(store: Store, cache: ReleaseCache, tmp_path: Path) -> None:
    """With the registry down a new process starts with the release served last."""
    folder = cache.take(store.release, store.digest, store.fetch)
    cache.remember(store.release)
    assert (store.release, folder) == ReleaseCache(tmp_path / "cache").last_good()


def test_last_good_release_is_verified_when_taken(store: Store, cache: ReleaseCache) -> None:
    """A remembered copy that was changed since is refused, not served."""
    folder = cache.take(store.release, store.digest, store.fetch)
    cache.remember(store.release)
    (folder / "gates.json").unlink()
    with pytest.raises(CorruptReleaseError, match=r"gates\.json"):
        cache.last_good()


def test_empty_cache_has_no_last_good_release(cache: ReleaseCache) -> None:
    """Nothing was served yet: told, not guessed."""
    with pytest.raises(ReleaseNotFoundError):
        cache.last_good()
    with pytest.raises(ReleaseNotFoundError):
        cache.kept(ModelVersion(1, "0" * 8))
