"""The service of one worker: its parts put together from settings, started, watched and closed."""

import logging
import threading
import time

import msgspec

from serving.champion import Champion
from serving.explain import ExplainLists
from serving.journal_watch import JournalWatch
from serving.keys import FollowedKeyRing
from serving.metrics import ServiceMetrics
from serving.release_slot import ReleaseSlot
from serving.repeats import Repeats
from serving.settings import Settings
from serving.snapshots import SnapshotFolder
from serving.worker_journal import WorkerJournal
from streamrec_explain.features.snapshots import latest_trend_snapshot, latest_user_snapshot
from streamrec_explain.release.cache import ReleaseCache
from streamrec_explain.release.source import ReleaseSource

log = logging.getLogger(__name__)


class Readiness(msgspec.Struct, frozen=True):
    """Whether requests are wanted, why not, and what is wrong in spite of which they are."""

    ready: bool
    model_version: str | None
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]


class Service:
    """Everything a worker holds; `start` begins to follow the champion, `close` flushes the journal."""

    def __init__(self, settings: Settings, keys: FollowedKeyRing) -> None:
        self.settings = settings
        self.metrics = ServiceMetrics()
        self.worker = WorkerJournal(settings.home.journal, clock=now_ms, max_bytes=settings.journal_max_bytes)
        self.slot = _slot(settings, self.metrics)
        self.journal_watch = JournalWatch(self.worker.journal, self.metrics, now_ms)
        self.keys = keys
        self._repeats = Repeats(settings.home.journal)
        self.explain = ExplainLists(
            slot=self.slot,
            journal=self.worker.journal,
            repeats=self._repeats,
            keys=keys,
            metrics=self.metrics,
            clock=now_ms,
            timer=time.perf_counter,
        )
        self._draining = threading.Event()
        self._stop = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="release-watcher", daemon=True)

    def start(self) -> None:
        """Follow champion and snapshots in a thread of its own; requests wait for nothing but the first release."""
        self._watcher.start()

    def drain(self) -> None:
        """Ask for no more requests: not ready from now on, and connections are closed after their answer."""
        self._draining.set()

    def is_draining(self) -> bool:
        """Whether the service is about to end."""
        return self._draining.is_set()

    def readiness(self) -> Readiness:
        """What a load balancer wants to know, and a person who wonders why."""
        problems, filled = tuple(self.slot.problems()), self.slot.is_filled
        reasons = () if filled else problems or ("the first release is being loaded",)
        if self.is_draining():
            reasons = (*reasons, "the service is shutting down")
        if self.worker.journal.fill >= 1:
            reasons = (*reasons, f"the journal {self.worker.journal.path} is full; ship it")
        served = self.slot.current().model_version if filled else None
        warnings = (*(problems if filled else ()), *self.journal_watch.warnings())
        warnings = (*warnings, self.keys.problem) if self.keys.problem else warnings
        return Readiness(not reasons, served, reasons, warnings)

    def close(self) -> None:
        """End the watcher, make everything answered durable, let go of all files."""
        self._stop.set()
        if self._watcher.is_alive():
            self._watcher.join(timeout=60)
        self.worker.close()
        self._repeats.close()

    def _watch(self) -> None:
        while not self._stop.is_set():
            for look in (self.slot.poll, self.journal_watch.look):
                try:
                    look()
                except Exception:
                    # What goes wrong once, such as a bug in loading one release, must not end the watch.
                    log.exception("looking for a new release or at the journal failed")
            self._stop.wait(self.settings.poll_s)


def now_ms() -> int:
    """The wall clock in Unix milliseconds: drivers own the clock, the library is handed it."""
    return time.time_ns() // 1_000_000


def _slot(settings: Settings, metrics: ServiceMetrics) -> ReleaseSlot:
    home = settings.home
    source = ReleaseSource(settings.registry_uri, ReleaseCache(home.releases))
    champion = Champion(source, metrics, time.monotonic)
    users = SnapshotFolder(home.users, latest_user_snapshot)
    trends = SnapshotFolder(home.trends, latest_trend_snapshot)
    return ReleaseSlot(source, champion, users, trends, metrics)
