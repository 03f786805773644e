"""Where releases come from: the registry names them, the local cache keeps verified copies of them."""

from pathlib import Path
from typing import Protocol

from streamrec_explain.errors import CorruptReleaseError, ReleaseNotFoundError
from streamrec_explain.release.cache import ReleaseCache
from streamrec_explain.release.fetch import fetch_release
from streamrec_explain.release.model_version import ModelVersion
from streamrec_explain.release.registration import CHAMPION
from streamrec_explain.release.registry_reader import RegistryReader, StoredVersion, open_reader


class ReleaseFolders(Protocol):
    """Where the verified bundle of a release can be had."""

    def __call__(self, release: ModelVersion) -> Path:
        """The folder of a release; ReleaseError if it cannot be had or was changed."""


class ReleaseSource:
    """Releases of one registry, taken through the cache of this machine; MLflow is never loaded."""

    def __init__(self, uri: str, cache: ReleaseCache) -> None:
        self.registry: RegistryReader = open_reader(uri)
        self._uri = uri
        self._cache = cache

    def champion(self) -> StoredVersion:
        """What is to be served; ReleaseNotFoundError if there is none, RegistryUnavailableError if nobody says."""
        return self.registry.aliased(CHAMPION)

    def take(self, stored: StoredVersion) -> Path:
        """The verified folder of a registered release; CorruptReleaseError names the file that is wrong."""
        release = ModelVersion.of(stored.version, stored.digest)
        return self._cache.take(release, stored.digest, lambda folder: fetch_release(self._uri, stored, folder))

    def folder(self, release: ModelVersion) -> Path:
        """The verified folder of a release: the cached copy, or the registry's where that is missing or bad.

        ReleaseNotFoundError if the registry has another release under that number.
        """
        try:
            return self._cache.kept(release)
        except (ReleaseNotFoundError, CorruptReleaseError):
            stored = self.registry.version(release.version)
        known = ModelVersion.of(stored.version, stored.digest)
        if known != release:
            raise ReleaseNotFoundError(f"the model registry has no {release}: its version {release.version} is {known}")
        return self.take(stored)

    def last_served(self) -> tuple[ModelVersion, Path]:
        """The release that this machine served last, from the cache alone; ReleaseNotFoundError if none was."""
        return self._cache.last_good()

    def remember(self, release: ModelVersion) -> None:
        """Note that a release is being served, to start with if the registry is down."""
        self._cache.remember(release)
