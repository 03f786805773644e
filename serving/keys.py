"""The key ring of a deployment: read from its file, followed when it is replaced; made once on a newcomer's machine."""

import fcntl
import logging
from pathlib import Path

from serving.settings import Settings
from streamrec_explain.errors import SettingsError
from streamrec_explain.pseudonym import KeyRing, create_key_file, load_key_file, new_key_ring

log = logging.getLogger(__name__)


class FollowedKeyRing:
    """The ring of a file as it is now, so that no process must be restarted after a rotation.

    A file that is gone or bad leaves the ring read before in use; `problem` says what is wrong with it.
    """

    def __init__(self, path: Path) -> None:
        self.problem: str | None = None
        self._path = path
        self._seen = _state(path)
        self._ring = load_key_file(path)

    def __call__(self) -> KeyRing:
        """The ring; asking costs one look at the file's entry in its folder (microseconds)."""
        state = _state(self._path)
        if state != self._seen:
            self._read_again()
            self._seen = state
        return self._ring

    def _read_again(self) -> None:
        try:
            self._ring, self.problem = load_key_file(self._path), None
            log.info("new key ring: entries are made with key %s from now on", self._ring.current.key_id)
        except SettingsError as error:
            self.problem = f"{error}; the key ring read before is used"
            log.error("%s", self.problem)


def key_ring(settings: Settings, now_ms: int) -> FollowedKeyRing:
    """The ring of the settings' file; SettingsError if it is bad, or named in the environment and absent."""
    if not settings.key_ring_given and not settings.keys.exists():
        _create(settings, now_ms)
    return FollowedKeyRing(settings.keys)


def _state(path: Path) -> tuple[int, int, int] | None:
    """What differs once a file is replaced, rewritten or made readable; None without the file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_ctime_ns, found.st_size


def _create(settings: Settings, now_ms: int) -> None:
    # Service and auditor may start together: the second one must find the whole file, not make its own.
    settings.keys.parent.mkdir(parents=True, exist_ok=True)
    with settings.keys.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not settings.keys.exists():
            create_key_file(settings.keys, new_key_ring(now_ms))
