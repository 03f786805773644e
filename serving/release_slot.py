"""The release slot: what requests are answered with, replaced as a whole once its successor is warm."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from serving.champion import Champion, LoadedRelease
from serving.metrics import ServiceMetrics
from serving.snapshots import SnapshotFolder
from serving.warming import warm
from streamrec_explain.errors import FeatureError, ReleaseNotFoundError, StreamRecError
from streamrec_explain.explanation.engine import ExplanationEngine
from streamrec_explain.features.snapshots import TrendSnapshot, UserSnapshot
from streamrec_explain.features.spec import FeatureSpec, Group
from streamrec_explain.release.source import ReleaseSource

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Serving:
    """What one request is answered with; `trends` is aligned to the release's catalogue."""

    release: LoadedRelease
    users: UserSnapshot
    trends: TrendSnapshot

    @property
    def engine(self) -> ExplanationEngine:
        """The engine of the release."""
        return self.release.engine

    @property
    def model_version(self) -> str:
        """The string that names the release everywhere."""
        return str(self.release.version)

    def user_values(self, user_id: str) -> Mapping[str, float]:
        """The user's features in the snapshot; none for a user it does not know."""
        values = self.users.lookup(user_id)
        return {} if values is None else dict(zip(self.users.names, values.tolist(), strict=True))


class ReleaseSlot:
    """Holds the current `Serving`; one thread calls `poll`, any thread may read."""

    def __init__(
        self,
        source: ReleaseSource,
        champion: Champion,
        users: SnapshotFolder[UserSnapshot],
        trends: SnapshotFolder[TrendSnapshot],
        metrics: ServiceMetrics,
    ) -> None:
        self._serving: Serving | None = None
        self._source = source
        self._champion = champion
        self._users = users
        self._trends = trends
        self._metrics = metrics
        self._parts: tuple[str, ...] | None = None
        self._failed: tuple[str, ...] | None = None
        self._problem: str | None = None

    def current(self) -> Serving:
        """What to answer with; ReleaseNotFoundError, saying why, before there is anything."""
        if self._serving is None:
            raise ReleaseNotFoundError("no release can be served yet: " + "; ".join(self.problems() or ["loading"]))
        return self._serving

    @property
    def is_filled(self) -> bool:
        """Whether requests can be answered."""
        return self._serving is not None

    def problems(self) -> list[str]:
        """What is wrong at the moment, whether or not an earlier release is served in spite of it."""
        followed = (self._champion.problem, *self._champion.refused.values(), self._users.problem, self._trends.problem)
        found = (*followed, self._problem)
        return [problem for problem in found if problem]

    def poll(self) -> None:
        """Look for a new champion and new snapshots; build and warm what is new, then swap one reference."""
        release, users, trends = self._champion.refresh(), self._users.refresh(), self._trends.refresh()
        if release is None or users is None or trends is None:
            return
        parts = (str(release.version), users.digest, trends.digest)
        if parts in (self._parts, self._failed):
            return
        try:
            fresh = combined(release, users, trends)
            warm(fresh.engine, fresh.trends)
        except StreamRecError as error:
            self._failed, self._problem = parts, f"{release.version} with the newest snapshots: {error}"
            log.error("not served: %s", self._problem)
            return
        self._swap(fresh)
        self._parts, self._problem = parts, None

    def _swap(self, fresh: Serving) -> None:
        before, self._serving = self._serving, fresh
        self._metrics.snapshot_as_of.set(fresh.users.as_of_ms / 1000, "users")
        self._metrics.snapshot_as_of.set(fresh.trends.as_of_ms / 1000, "trends")
        if before is None or before.release != fresh.release:
            self._source.remember(fresh.release.version)
            self._metrics.release_swaps.add()
            self._metrics.release.clear()
            self._metrics.release.set(1.0, fresh.model_version)
            log.info("serving %s", fresh.model_version)


def combined(release: LoadedRelease, users: UserSnapshot, trends: TrendSnapshot) -> Serving:
    """A release with snapshots of the features it knows; FeatureError if they hold others."""
    bundle = release.engine.bundle
    _check_names(bundle.spec, "user", users.names)
    _check_names(bundle.spec, "item", trends.names)
    return Serving(release, users, trends.aligned_to(bundle.catalogue))


def _check_names(spec: FeatureSpec, group: Group, names: tuple[str, ...]) -> None:
    unknown = set(names) - set(spec.names_of(group))
    if unknown:
        raise FeatureError(
            f"the {group} snapshot holds {sorted(unknown)}, which feature spec {spec.version} does not have; "
            "write snapshots with the spec of the release"
        )
