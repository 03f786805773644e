"""Assets of the models: session model, re-ranker, explainer, each registered, and what they reach on test data."""

import tempfile
from pathlib import Path

import dagster as dg
import msgspec
import numpy as np

from orchestration.metadata import picture
from orchestration.models import ports
from orchestration.models.plots import loss_curve
from orchestration.resources import Registry, TrainingSettings
from orchestration.values import BuiltExplainer, ComponentVersion, TrainedReranker, TrainedSessionModel
from streamrec_explain.attribution.shap_conformance import summary_plot, waterfall_plot
from streamrec_explain.events.interactions import interactions
from streamrec_explain.events.splits import split_phases
from streamrec_explain.events.world import World
from streamrec_explain.features.catalogue import Catalogue
from streamrec_explain.features.spec import DEFAULT_SPEC
from streamrec_explain.models.reranker_dataset import RerankerDataset, reranker_dataset
from streamrec_explain.models.reranker_training import RerankerTrainingConfig, train_reranker
from streamrec_explain.models.session_content import item_content
from streamrec_explain.models.session_kinds import training_config
from streamrec_explain.models.session_training import TrainingConfig, train_session_model
from streamrec_explain.release.mlflow_registry import MlflowRegistry, RunLog
from streamrec_explain.release.registration import Component, DataInput
from streamrec_explain.trees.tree_shap import TreeShapExplainer

OWNERS = ["team:ml-platform"]


def data_inputs(world: World, context: str) -> list[DataInput]:
    """The world's tables as MLflow data sets, with their digests."""
    rows = {name: getattr(world, name).num_rows for name in world.digests}
    source = world.source or f"synthetic:{world.name}"
    return [
        DataInput(f"{world.name}/{name}", digest, source, context, rows[name]) for name, digest in world.digests.items()
    ]


@dg.asset(group_name="models", kinds={"pytorch"}, owners=OWNERS, code_version="2")
def session_model(
    context: dg.AssetExecutionContext,
    events: World,
    catalogue: Catalogue,
    registry: Registry,
    settings: TrainingSettings,
) -> TrainedSessionModel:
    """The session model over the user's history, of the kind the settings name, trained on the first 80% of time."""
    config = training_config(settings.session_model, settings.seed)
    with registry.run(context) as (store, log):
        trained = train_session_model(
            interactions(events),
            split_phases(events),
            len(catalogue),
            config,
            settings.progress,
            item_content(catalogue),
        )
        log.log(params={"kind": settings.session_model, **_params(config)})
        log.log_curve("loss", trained.losses)
        for data in data_inputs(events, "training"):
            log.log_data(data)
        with tempfile.TemporaryDirectory() as name:
            trained.model.save(Path(name) / "session_model.npz")
            registered = _register(store, log, Component(ports.SESSION_MODEL, Path(name), *ports.session_model()))
    context.add_output_metadata(
        {
            "events": trained.n_events,
            "sequences": trained.n_sequences,
            "loss (nats per event)": trained.losses[-1],
            "loss curve": picture(loss_curve(trained.losses), "loss per epoch"),
            "registered": f"{registered.name}/{registered.version}",
        }
    )
    return TrainedSessionModel(trained.model, registered)


@dg.asset(group_name="models", kinds={"numpy"}, owners=OWNERS, code_version="1")
def reranker_rows(
    context: dg.AssetExecutionContext,
    events: World,
    catalogue: Catalogue,
    session_model: TrainedSessionModel,
    settings: TrainingSettings,
) -> RerankerDataset:
    """Impressions the session model never saw, with point-in-time features, for training and for test."""
    rows = reranker_dataset(events, DEFAULT_SPEC, catalogue, session_model.model, split_phases(events), settings.seed)
    context.add_output_metadata(
        {
            "rows": len(rows),
            "test rows": len(rows.test),
            "clicked": float(np.mean(rows.labels)),
            "features": len(DEFAULT_SPEC),
            "negatives": events.negatives,
        }
    )
    return rows


@dg.asset(group_name="models", kinds={"lightgbm"}, owners=OWNERS, code_version="1")
def reranker(
    context: dg.AssetExecutionContext,
    events: World,
    reranker_rows: RerankerDataset,
    registry: Registry,
    settings: TrainingSettings,
) -> TrainedReranker:
    """Gradient-boosted re-ranker of impressions; the session model's score is one of its features."""
    config = RerankerTrainingConfig()
    train, stop = reranker_rows.training, reranker_rows.validation
    with registry.run(context) as (store, log):
        text = train_reranker(
            train.features, train.labels, stop.features, stop.labels, DEFAULT_SPEC, config, settings.seed
        )
        log.log(params=msgspec.to_builtins(config), metrics={"training_rows": len(train)})
        for data in data_inputs(events, "training"):
            log.log_data(data)
        with tempfile.TemporaryDirectory() as name:
            (Path(name) / "reranker.txt").write_text(text, encoding="utf-8")
            component = Component(ports.RERANKER, Path(name), *ports.reranker(DEFAULT_SPEC))
            registered = _register(store, log, component)
    context.add_output_metadata(
        {
            "training rows": len(train),
            "trees": text.count("\nTree="),
            "registered": f"{registered.name}/{registered.version}",
        }
    )
    return TrainedReranker(text, registered)


@dg.asset(group_name="models", kinds={"python"}, owners=OWNERS, code_version="1")
def shap_explainer(
    context: dg.AssetExecutionContext, reranker: TrainedReranker, reranker_rows: RerankerDataset, registry: Registry
) -> BuiltExplainer:
    """Exact TreeSHAP of the re-ranker, compiled into tables, with vectors that prove it at every load."""
    sample = reranker_rows.test.features[:1000]
    with registry.run(context) as (store, log), tempfile.TemporaryDirectory() as name:
        explainer = TreeShapExplainer.from_lightgbm(reranker.text)
        explainer.save(Path(name) / "explainer")
        component = Component(ports.EXPLAINER, Path(name) / "explainer", *ports.explainer(DEFAULT_SPEC))
        registered = _register(store, log, component)
        plots = Path(name) / "plots"
        plots.mkdir()
        values = explainer.shap_values(sample)
        summary = summary_plot(values, sample, list(DEFAULT_SPEC.names))
        waterfall = waterfall_plot(values[0], explainer.expected_value, sample[0], list(DEFAULT_SPEC.names))
        (plots / "summary.png").write_bytes(summary)
        (plots / "waterfall.png").write_bytes(waterfall)
        log.log_folder(plots, "plots")
    context.add_output_metadata(
        {
            "digest": explainer.digest,
            "expected value (log-odds)": explainer.expected_value,
            "summary": picture(summary, "SHAP summary"),
            "waterfall": picture(waterfall, "SHAP waterfall of one impression"),
            "registered": f"{registered.name}/{registered.version}",
        }
    )
    return BuiltExplainer(explainer, registered)


def _params(config: TrainingConfig) -> dict[str, str | int | float]:
    """The configuration as one flat level of params: those of a part under the part's name."""
    flat: dict[str, str | int | float] = {}
    for name, value in msgspec.to_builtins(config).items():
        flat |= {f"{name}_{key}": each for key, each in value.items()} if isinstance(value, dict) else {name: value}
    return flat


def _register(store: MlflowRegistry, log: RunLog, component: Component) -> ComponentVersion:
    version = store.register_component(component, log.run_id)
    return ComponentVersion(component.name, version, log.run_id)
