"""A desk to investigate at: a deployment on disk with lists that were answered by its releases."""

from dataclasses import dataclass
from typing import Any

import msgspec

from streamrec_explain.audit_log.journal.journal import Journal
from streamrec_explain.audit_log.questions.lookup import AuditLog
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.explanation.audit_entries import audit_request
from streamrec_explain.explanation.engine import ExplanationEngine
from streamrec_explain.explanation.ranking import candidates_in
from streamrec_explain.features.snapshots import latest_trend_snapshot
from streamrec_explain.features.trend_archive import TrendArchive
from streamrec_explain.investigation.changes import Maker
from streamrec_explain.investigation.investigation import Investigation, investigate
from streamrec_explain.records import AuditRequest, ListContext
from streamrec_explain.release.cache import ReleaseCache
from streamrec_explain.release.model_version import ModelVersion
from streamrec_explain.release.source import ReleaseSource
from tests.explanation.ranked_lists import random_list
from tests.serving.deployments import NOW_MS, Deployment


@dataclass(frozen=True)
class Desk:
    """A deployment whose journal holds answered lists."""

    deployment: Deployment

    @property
    def log(self) -> AuditLog:
        """Its audit log."""
        home = self.deployment.home
        return AuditLog(home.journal, AuditTable(home.audit_log_hot), AuditTable(home.audit_log_cold, "cold"))

    @property
    def source(self) -> ReleaseSource:
        """Its releases."""
        return ReleaseSource(self.deployment.home.registry_uri, ReleaseCache(self.deployment.home.releases))

    def release(self, version: int = 1) -> ModelVersion:
        """A registered release."""
        return ModelVersion.of(version, self.source.registry.version(version).digest)

    def context(self, seed: int, **shape: Any) -> ListContext:
        """A list whose items are described by the stored trend snapshot, ranked by the release."""
        bundle, listed = self.deployment.bundle, random_list(self.deployment.bundle, seed, **shape)
        trends = latest_trend_snapshot(self.deployment.home.trends)
        ids = [item.item_id for item in listed.items]
        known = candidates_in(
            trends, bundle, ids, listed.region, {i.item_id: i.promotion for i in listed.items if i.promotion}
        )
        items = tuple(
            msgspec.structs.replace(item, item_features=each.item_features, item_facts=each.item_facts)
            for item, each in zip(listed.items, known, strict=True)
        )
        listed = msgspec.structs.replace(listed, items=items)
        return Maker(bundle, listed, listed.items[0]).unchanged()

    def answer(self, context: ListContext, version: int = 1) -> AuditRequest:
        """Explain a list and keep it in the journal, its items as references to the trend snapshot."""
        bundle = self.deployment.bundle
        trends = latest_trend_snapshot(self.deployment.home.trends)
        ids = [item.item_id for item in context.items]
        request = audit_request(
            context,
            ExplanationEngine(bundle).explain_list(context),
            model_version=str(self.release(version)),
            key_id="k1",
            policy=bundle.policy,
            trend_digest=trends.digest,
            user_snapshot_digest="u" * 64,
            computation_time_ms=0.1,
            known=candidates_in(trends.aligned_to(bundle.catalogue), bundle, ids, context.region),
        )
        self.deployment.home.journal.mkdir(exist_ok=True)
        with Journal(self.deployment.home.journal / "worker-0.sqlite", clock=lambda: NOW_MS) as journal:
            journal.append(request, b"")
        return request

    def investigate(self, explanation_id: str) -> Investigation:
        """Investigate one of its explanations."""
        trends = TrendArchive(self.deployment.home.trends)
        return investigate(explanation_id, self.log, self.source, trends)
