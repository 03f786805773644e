"""Investigations for auditors: torch and captum load with this module, when the first one is asked for."""

import threading
from functools import lru_cache

from streamrec_explain.audit_log.questions.lookup import AuditLog
from streamrec_explain.features.trend_archive import TrendArchive
from streamrec_explain.investigation.investigation import Investigation, Profile, investigate, regulatory
from streamrec_explain.investigation.report import report_page
from streamrec_explain.release.components import load_components
from streamrec_explain.release.source import ReleaseSource


class Investigator:
    """Investigates explanations one at a time; the release used last stays loaded, its files checked every time."""

    def __init__(self, log: AuditLog, source: ReleaseSource, trends: TrendArchive) -> None:
        self._log = log
        self._source = source
        self._trends = trends
        self._load = lru_cache(maxsize=1)(load_components)
        self._one_at_a_time = threading.Lock()

    def find(self, explanation_id: str, profile: Profile) -> Investigation:
        """The investigation of an explanation; errors as `investigation.investigate` tells."""
        with self._one_at_a_time:
            found = investigate(explanation_id, self._log, self._source, self._trends, self._load)
        return regulatory(found) if profile == "regulatory" else found

    def page(self, explanation_id: str, profile: Profile, locale: str | None) -> str:
        """The same as a page, in the explanation's own language if no other is asked for."""
        return report_page(self.find(explanation_id, profile), locale or "")
