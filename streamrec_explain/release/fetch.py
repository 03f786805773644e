"""Fetching a release's files without loading MLflow into this process."""

import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

from streamrec_explain.errors import RegistryUnavailableError
from streamrec_explain.release.registry_reader import StoredVersion

DOWNLOAD_TIMEOUT_S = 300


def fetch_release(uri: str, stored: StoredVersion, folder: Path) -> None:
    """Copy a registered release into `folder`, which must not exist yet; nothing is verified here.

    Files on this machine are copied; for any other store a child process downloads them through MLflow.
    RegistryUnavailableError if they cannot be had.
    """
    local = urlsplit(stored.location or "")
    if local.scheme in ("", "file") and local.path:
        _copy(Path(unquote(local.path)), folder)
    else:
        _download(uri, stored.version, folder)


def _copy(source: Path, folder: Path) -> None:
    try:
        shutil.copytree(source, folder)
    except (OSError, shutil.Error) as error:
        raise RegistryUnavailableError(f"the files of the release cannot be copied: {error}") from error


def _download(uri: str, version: int, folder: Path) -> None:
    command = [sys.executable, "-m", "streamrec_explain.release.download", uri, str(version), str(folder)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=DOWNLOAD_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        message = f"downloading version {version} took more than {DOWNLOAD_TIMEOUT_S} s"
        raise RegistryUnavailableError(message) from error
    if done.returncode != 0:
        reason = (done.stderr.strip() or "no reason given").splitlines()[-1]
        raise RegistryUnavailableError(f"version {version} cannot be downloaded from {uri}: {reason}")
