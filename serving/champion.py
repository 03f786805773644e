"""The champion: follows the registry's alias and loads what it points at, refusing what is corrupt."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from serving.metrics import ServiceMetrics
from streamrec_explain.errors import CorruptReleaseError, RegistryUnavailableError, StreamRecError
from streamrec_explain.explanation.engine import ExplanationEngine
from streamrec_explain.release.components import load_components
from streamrec_explain.release.model_version import ModelVersion
from streamrec_explain.release.registry_reader import StoredVersion
from streamrec_explain.release.source import ReleaseSource

RETRY_REFUSED_S = 30.0
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoadedRelease:
    """A verified release as an engine."""

    version: ModelVersion
    engine: ExplanationEngine


class Champion:
    """The newest champion that could be loaded; `timer` counts seconds.

    `refused` maps a release to why it is not served, `problem` says why the registry gave no champion.
    A refused release is tried again after 30 s: somebody may have repaired its files.
    """

    def __init__(self, source: ReleaseSource, metrics: ServiceMetrics, timer: Callable[[], float]) -> None:
        self.current: LoadedRelease | None = None
        self.refused: dict[str, str] = {}
        self.problem: str | None = None
        self._source = source
        self._metrics = metrics
        self._timer = timer
        self._retry_at: dict[str, float] = {}

    def refresh(self) -> LoadedRelease | None:
        """Follow the alias; without registry, or if the champion is refused at start, the release served last."""
        try:
            self._follow(self._source.champion())
            self.problem = None
        except StreamRecError as error:
            self._note_problem(error)
        self._metrics.registry_up.set(0.0 if self.problem else 1.0)
        if self.current is None:
            self._take_last_served()
        return self.current

    def _follow(self, stored: StoredVersion) -> None:
        version = ModelVersion.of(stored.version, stored.digest)
        if self.current is not None and self.current.version == version:
            self.refused.clear()
            return
        if self._timer() < self._retry_at.get(str(version), 0.0):
            return
        try:
            self.current = LoadedRelease(version, ExplanationEngine(load_components(self._source.take(stored))))
            self.refused.clear()
        except RegistryUnavailableError:
            raise
        except StreamRecError as error:
            self._refuse(version, error)

    def _refuse(self, release: ModelVersion, error: StreamRecError) -> None:
        """Do not serve a release for a while; logged and counted with the name of the file, if it is one."""
        name, file = str(release), getattr(error, "file", "")
        if name not in self.refused:
            log.error("release %s is refused: %s", name, error)
        self.refused[name] = str(error)
        self._retry_at[name] = self._timer() + RETRY_REFUSED_S
        self._metrics.releases_refused.add(name, file)

    def _take_last_served(self) -> None:
        try:
            version, folder = self._source.last_served()
            self.current = LoadedRelease(version, ExplanationEngine(load_components(folder)))
            log.warning("serving %s, the release served last here", version)
        except CorruptReleaseError as error:
            self.problem = f"the cached release cannot be served either: {error}"
        except StreamRecError as error:
            self.problem = self.problem or str(error)

    def _note_problem(self, error: StreamRecError) -> None:
        if self.problem is None:
            log.warning("no champion from the registry: %s", error)
        self.problem = str(error)
