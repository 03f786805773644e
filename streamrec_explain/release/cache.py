"""The local cache of releases: one folder per version@digest, verified each time it is taken."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from streamrec_explain.errors import CorruptReleaseError, ReleaseNotFoundError
from streamrec_explain.release.bundle import verify_bundle
from streamrec_explain.release.model_version import ModelVersion

LAST_GOOD = "last_good.json"

Fetch = Callable[[Path], None]


class ReleaseCache:
    """Verified copies of releases under one folder, shared by the processes of a machine."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def folder(self, release: ModelVersion) -> Path:
        """Where a release lies, or would."""
        return self._root / f"{release.version}@{release.short_digest}"

    def take(self, release: ModelVersion, digest: str, fetch: Fetch) -> Path:
        """The verified folder of a release, fetched if the cache has no sound copy.

        `fetch` fills a folder that does not exist yet. A copy that went bad on this disk is fetched once more;
        CorruptReleaseError names the file if what was fetched is wrong too, and nothing of it is kept.
        """
        folder = self.folder(release)
        if folder.exists():
            try:
                verify_bundle(folder, digest)
            except CorruptReleaseError:
                self._discard(folder)
            else:
                return folder
        return self._fill(folder, digest, fetch)

    def kept(self, release: ModelVersion) -> Path:
        """The verified folder of a release that is in the cache; ReleaseNotFoundError if it is not."""
        folder = self.folder(release)
        if not folder.exists():
            raise ReleaseNotFoundError(f"{release} is not in the cache {self._root}")
        verify_bundle(folder, release.short_digest)
        return folder

    def remember(self, release: ModelVersion) -> None:
        """Note the release that is being served, to start with if the registry is down."""
        with tempfile.NamedTemporaryFile("w", dir=self._root, prefix=".last-", delete=False) as stream:
            json.dump(str(release), stream)
        os.replace(stream.name, self._root / LAST_GOOD)

    def last_good(self) -> tuple[ModelVersion, Path]:
        """The release served last and its verified folder; ReleaseNotFoundError if none was ever served here."""
        try:
            text = json.loads((self._root / LAST_GOOD).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ReleaseNotFoundError(f"no release was served from the cache {self._root} yet") from error
        release = ModelVersion.parse(text)
        return release, self.kept(release)

    def _fill(self, folder: Path, digest: str, fetch: Fetch) -> Path:
        self._root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=self._root) as name:
            fetched = Path(name) / "bundle"
            fetch(fetched)
            verify_bundle(fetched, digest)
            try:
                fetched.rename(folder)
            except OSError:  # another process filled it first: the rename never replaces a full folder
                verify_bundle(folder, digest)
        return folder

    def _discard(self, folder: Path) -> None:
        aside = Path(tempfile.mkdtemp(prefix=".bad-", dir=self._root))
        folder.rename(aside / folder.name)
        shutil.rmtree(aside, ignore_errors=True)
