"""The key ring of a deployment: read from its file; on a newcomer's machine made at the first start."""

import fcntl

from serving.settings import Settings
from streamrec_explain.pseudonym import KeyRing, create_key_file, load_key_file, new_key_ring


def key_ring(settings: Settings, now_ms: int) -> KeyRing:
    """The ring of the settings' file; SettingsError if it is bad, or named in the environment and absent."""
    if not settings.key_ring_given and not settings.keys.exists():
        _create(settings, now_ms)
    return load_key_file(settings.keys)


def _create(settings: Settings, now_ms: int) -> None:
    # Service and auditor may start together: the second one must find the whole file, not make its own.
    settings.keys.parent.mkdir(parents=True, exist_ok=True)
    with settings.keys.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not settings.keys.exists():
            create_key_file(settings.keys, new_key_ring(now_ms))
