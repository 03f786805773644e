"""A small deployment on disk: a registry with two releases, snapshots, and lists ranked by its champion."""

import shutil
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from serving.keys import key_ring
from serving.service import Service
from serving.settings import Settings, read_settings
from streamrec_explain.events.schema import ITEMS
from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.history import numbered
from streamrec_explain.explanation.ranking import candidates_in, rank_list
from streamrec_explain.explanation.speech import Templates
from streamrec_explain.explanation.thresholds import Thresholds
from streamrec_explain.features.catalogue import Catalogue
from streamrec_explain.features.snapshots import (
    TrendSnapshot,
    UserSnapshot,
    latest_trend_snapshot,
    latest_user_snapshot,
    write_snapshot,
)
from streamrec_explain.features.spec import DEFAULT_SPEC
from streamrec_explain.home import Home
from streamrec_explain.records import Promotion
from streamrec_explain.release.bundle import write_bundle
from streamrec_explain.release.components import release_contents
from streamrec_explain.release.mlflow_registry import MlflowRegistry
from streamrec_explain.release.registration import CHAMPION, RunKey
from streamrec_explain.trees.tree_shap import TreeShapExplainer
from tests.explanation.conftest import item_rows, tiny_reranker, tiny_session_model
from tests.release.small_releases import BOUNDS, PINS, WORLD

NOW_MS = 1_700_000_000_000
USERS = ("ann", "ben")


@dataclass(frozen=True)
class Deployment:
    """A home folder with everything a service needs; `bundle` holds the components of both releases."""

    root: Path
    bundle: EngineBundle

    @property
    def home(self) -> Home:
        """Its paths."""
        return Home(self.root)

    @cached_property
    def registry(self) -> MlflowRegistry:
        """Its model registry, for moving the champion."""
        return MlflowRegistry.open(self.home.registry_uri)

    def settings(self, **given: Any) -> Settings:
        """Settings as a worker reads them, looking for a champion often."""
        return read_settings({}, home=self.root, **{"poll_s": 0.1, "drain_s": 0.0, **given})

    def service(self, **given: Any) -> Service:
        """A service that was not started; its slot is filled by `slot.poll()`."""
        settings = self.settings(**given)
        return Service(settings, key_ring(settings, NOW_MS))

    def copied(self, root: Path) -> "Deployment":
        """A deployment of one's own; the registered files stay where they are."""
        root.mkdir()
        shutil.copy(self.root / "mlflow.db", root / "mlflow.db")
        shutil.copytree(self.root / "snapshots", root / "snapshots")
        return Deployment(root, self.bundle)

    def asked(self, seed: int = 0, size: int = 10, length: int = 12, boosted: bool = False) -> dict[str, Any]:
        """The body of a request that the champion ranked for the user ann in the market US."""
        rng = np.random.default_rng(seed)
        history = [f"i{code}" for code in rng.integers(0, 30, size=length)]
        ids = [f"i{code}" for code in rng.permutation(30)[:size]]
        trends = latest_trend_snapshot(self.home.trends).aligned_to(self.bundle.catalogue)
        users = latest_user_snapshot(self.home.users)
        known = dict(zip(users.names, users.values[0].tolist(), strict=True))
        promoted = {ids[-1]: Promotion("Acme", 9.0)} if boosted else {}
        candidates = candidates_in(trends, self.bundle, ids, "US", promoted)
        items = rank_list(self.bundle, numbered(history), known, candidates, NOW_MS)
        scores = ("item_id", "position", "ranking_score", "reranking_score")
        listed = [{name: getattr(item, name) for name in scores} for item in items]
        for body, item in zip(listed, items, strict=True):
            if item.promotion:
                body["promotion"] = {"sponsor": "Acme", "boost": 9.0}
        return {"user_id": "ann", "region": "US", "timestamp_ms": NOW_MS, "session_history": history, "items": listed}


def build(root: Path) -> Deployment:
    """Train a tiny re-ranker, register two releases of it (1 is champion), write snapshots."""
    rng = np.random.default_rng(11)
    catalogue = Catalogue.from_items(pa.Table.from_pylist(item_rows(), schema=ITEMS))
    model = tiny_session_model(rng)
    text = tiny_reranker(rng, catalogue, model)
    explainer = TreeShapExplainer.from_lightgbm(text)
    bundle = EngineBundle(catalogue, DEFAULT_SPEC, model, explainer, Thresholds(), Templates.packaged())
    made = Deployment(root, bundle)
    registry = MlflowRegistry.open(made.home.registry_uri, made.home.artifacts)
    for number, thresholds in enumerate((Thresholds(), Thresholds(version="second")), start=1):
        assert number == register(registry, root / f"bundle-{number}", replace(bundle, thresholds=thresholds), text)
    registry.set_alias(CHAMPION, 1)
    write_snapshot(made.home.users, user_values(rng))
    write_snapshot(made.home.trends, trend_values(rng, catalogue))
    return made


def register(registry: MlflowRegistry, folder: Path, bundle: EngineBundle, text: str) -> int:
    """Write and register a release; returns its version."""
    write_bundle(folder, release_contents(bundle, text, BOUNDS), created_ms=1_000, world=WORLD, pins=PINS)
    with registry.run(RunKey("root", folder.name)) as run:
        return registry.register_release(folder, run.run_id)


def user_values(rng: np.random.Generator) -> UserSnapshot:
    """Random features of two users."""
    names = DEFAULT_SPEC.names_of("user")
    return UserSnapshot(NOW_MS, names, USERS, rng.normal(size=(len(USERS), len(names))))


def trend_values(rng: np.random.Generator, catalogue: Catalogue) -> TrendSnapshot:
    """Random features in two markets; every fourth item trends in the US."""
    names, markets = DEFAULT_SPEC.names_of("item"), ("ALL", "US")
    facts = np.tile([40.0, 2.0, 20.0, 0.9, 25.0], (len(markets), len(catalogue), 1))
    facts[1, ::4] = [99.0, 2_345.0, 10.0, 9.0, 3.0]
    values = rng.normal(size=(len(markets), len(catalogue), len(names)))
    hour = 3_600_000
    missing = DEFAULT_SPEC.missing("item")
    return TrendSnapshot(NOW_MS, 24 * hour, 720 * hour, names, markets, catalogue.item_ids, values, facts, missing)
