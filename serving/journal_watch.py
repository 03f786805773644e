"""Watching the journal: how full it is and what waits in it, as metrics; an alarm before requests are refused."""

import logging
from collections.abc import Callable

from serving.metrics import ServiceMetrics
from streamrec_explain.audit_log.journal.backlog import Backlog
from streamrec_explain.audit_log.journal.journal import Journal

ALARM_AT = 0.8
LATE_S = 900.0  # a shipper looks every few seconds; a store that is away for minutes is no news
CALM_AT = 0.75  # a little below, so that a journal about its alarm is not told again and again

log = logging.getLogger(__name__)


class JournalWatch:
    """Looks at one worker's journal from time to time; `clock` gives Unix ms."""

    def __init__(self, journal: Journal, metrics: ServiceMetrics, clock: Callable[[], int]) -> None:
        self.alarmed = False
        self._waiting = Backlog()
        self._journal = journal
        self._metrics = metrics
        self._clock = clock

    def look(self) -> None:
        """Set the metrics; log once when the journal becomes too full, and once when it is not any more."""
        fill, waiting = self._journal.measured_fill(), self._journal.backlog()
        self._waiting = waiting
        self._metrics.journal_fill.set(fill)
        self._metrics.journal_backlog_requests.set(waiting.requests)
        self._metrics.journal_backlog_bytes.set(waiting.stored_bytes)
        self._metrics.journal_backlog_age.set(waiting.age_s(self._clock()))
        if fill >= ALARM_AT and not self.alarmed:
            log.warning("%s; %d requests wait to be shipped", self._warning(), waiting.requests)
        if fill < CALM_AT and self.alarmed:
            log.info("the journal %s is %.0f%% full; no alarm any more", self._journal.path, 100 * fill)
        self.alarmed = fill >= (CALM_AT if self.alarmed else ALARM_AT)
        self._metrics.journal_alarm.set(float(self.alarmed))

    def warnings(self) -> tuple[str, ...]:
        """What is wrong, and what to do; nothing while the journal has room and is shipped in time."""
        full = (self._warning(),) if self.alarmed else ()
        return (*full, *self._late())

    def _late(self) -> tuple[str, ...]:
        age_s = self._waiting.age_s(self._clock())
        if age_s < LATE_S:
            return ()
        waiting = f"{self._waiting.requests} requests wait to be shipped, the oldest for {age_s / 60:.0f} min"
        return (f"{waiting} ({self._journal.path}): see that a shipper runs and its store answers",)

    def _warning(self) -> str:
        used = f"the journal {self._journal.path} is {100 * self._journal.fill:.0f}% full"
        return f"{used}: see that it is shipped (streamrec audit-log ship) before requests are refused"
