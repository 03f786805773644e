"""The values that travel between assets, and the file format of each."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np

from orchestration.value_store import Codec
from streamrec_explain.events.report import ValidationReport
from streamrec_explain.events.world import World
from streamrec_explain.events.world_store import load_world, save_world
from streamrec_explain.explanation.thresholds import Thresholds
from streamrec_explain.faithfulness.report import FaithfulnessReport
from streamrec_explain.features.catalogue import Catalogue
from streamrec_explain.models.reranker_dataset import RerankerDataset
from streamrec_explain.models.reranker_evaluation import RerankerReport
from streamrec_explain.models.session_file import load_session_model
from streamrec_explain.models.session_protocol import SessionScorer
from streamrec_explain.statistics.bootstrap import Estimate
from streamrec_explain.trees.tree_shap import TreeShapExplainer


class ComponentVersion(msgspec.Struct, frozen=True):
    """A registered component model and the MLflow run that made it."""

    name: str
    version: int
    run_id: str


@dataclass(frozen=True)
class TrainedSessionModel:
    """The session model and its registered version."""

    model: SessionScorer
    registered: ComponentVersion


@dataclass(frozen=True)
class TrainedReranker:
    """The re-ranker as LightGBM model text and its registered version."""

    text: str
    registered: ComponentVersion


@dataclass(frozen=True)
class BuiltExplainer:
    """The explainer of the re-ranker and its registered version."""

    explainer: TreeShapExplainer
    registered: ComponentVersion


class RankedBy(msgspec.Struct, frozen=True):
    """HR@10 and NDCG@10 of one ranker over the held-out events, with intervals over users."""

    name: str
    hr_at_10: Estimate
    ndcg_at_10: Estimate


class SessionQuality(msgspec.Struct, frozen=True):
    """The session model beside its baselines; `gain` is the paired NDCG@10 difference to the best of them."""

    users: int
    repeats: int
    model: RankedBy
    baselines: tuple[RankedBy, ...]
    best_baseline: str
    gain: Estimate


class ReleaseCandidate(msgspec.Struct, frozen=True):
    """A registered release that awaits its gates."""

    version: int
    model_version: str
    run_id: str


def _json(value_type: type) -> Codec:
    """A codec for a value that msgspec can write as JSON."""

    def save(value: Any, folder: Path) -> None:
        (folder / "value.json").write_bytes(msgspec.json.encode(value))

    def load(folder: Path) -> Any:
        return msgspec.json.decode((folder / "value.json").read_bytes(), type=value_type)

    return Codec(value_type, save, load)


def _registered(
    value_type: Callable[[Any, ComponentVersion], Any], save: Callable[[Any, Path], object], load: Callable[[Path], Any]
) -> Codec:
    """A codec for a component in its own format with its registered version beside it."""
    kind = cast("type", value_type)
    component, _ = (field.name for field in fields(kind))

    def save_both(value: Any, folder: Path) -> None:
        save(getattr(value, component), folder)
        (folder / "registered.json").write_bytes(msgspec.json.encode(value.registered))

    def load_both(folder: Path) -> Any:
        registered = msgspec.json.decode((folder / "registered.json").read_bytes(), type=ComponentVersion)
        return value_type(load(folder), registered)

    return Codec(kind, save_both, load_both)


def _save_rows(value: RerankerDataset, folder: Path) -> None:
    with (folder / "rows.npz").open("wb") as stream:
        np.savez(stream, **{field.name: getattr(value, field.name) for field in fields(value)})


def _load_rows(folder: Path) -> RerankerDataset:
    with np.load(folder / "rows.npz", allow_pickle=False) as stored:
        return RerankerDataset(**{name: stored[name] for name in stored.files})


CODECS = (
    Codec(World, save_world, load_world),
    Codec(
        Catalogue,
        lambda value, folder: value.save(folder / "catalogue.arrow"),
        lambda folder: Catalogue.load(folder / "catalogue.arrow"),
    ),
    _registered(
        TrainedSessionModel,
        lambda model, folder: model.save(folder / "session_model.npz"),
        lambda folder: load_session_model(folder / "session_model.npz"),
    ),
    _registered(
        TrainedReranker,
        lambda text, folder: (folder / "reranker.txt").write_text(text, encoding="utf-8"),
        lambda folder: (folder / "reranker.txt").read_text(encoding="utf-8"),
    ),
    _registered(
        BuiltExplainer,
        lambda explainer, folder: explainer.save(folder / "explainer"),
        lambda folder: TreeShapExplainer.load(folder / "explainer"),
    ),
    Codec(RerankerDataset, _save_rows, _load_rows),
    _json(ValidationReport),
    _json(Thresholds),
    _json(ReleaseCandidate),
    _json(FaithfulnessReport),
    _json(SessionQuality),
    _json(RerankerReport),
)
