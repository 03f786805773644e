"""Training the re-ranker: gradient-boosted trees on impressions, handed on as LightGBM's text model."""

from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from streamrec_explain.errors import TrainingError
from streamrec_explain.features.spec import FeatureSpec


@dataclass(frozen=True)
class RerankerTrainingConfig:
    """Hyper-parameters of the re-ranker; equal configurations and seeds on equal data give equal text.

    Of `trees` trained, as many are kept as had the lowest validation loss, but at least `min_trees`. A leaf
    holds at least `min_leaf_share` of the training rows, within the bounds `min_leaf_rows`. Row- and feature-wise
    sampling are drawn from the seed.
    """

    trees: int = 300
    leaves: int = 31
    learning_rate: float = 0.05
    min_trees: int = 50
    min_leaf_share: float = 0.0005
    min_leaf_rows: tuple[int, int] = (20, 500)
    l2: float = 1.0
    feature_fraction: float = 0.8
    bagging_fraction: float = 0.8
    threads: int = 2


def train_reranker(
    x: NDArray[np.floating],
    labels: NDArray[np.bool_],
    x_valid: NDArray[np.floating],
    labels_valid: NDArray[np.bool_],
    spec: FeatureSpec,
    config: RerankerTrainingConfig,
    seed: int,
    progress: bool = False,
) -> str:
    """LightGBM text model of P(label = 1 | row); its raw score is the log-odds.

    x, x_valid: [n, F] in the order of `spec`, NaN is missing; columns of dtype "category" hold codes.
    `progress` prints the validation loss every 50 trees. TrainingError where a shape or the labels do not allow
    training.
    """
    _check("training", x, labels, spec)
    _check("validation", x_valid, labels_valid, spec)
    parameters = _parameters(config, len(x), seed)
    train = lgb.Dataset(
        x,
        label=labels.astype(np.float32),
        feature_name=list(spec.names),
        categorical_feature=[feature.name for feature in spec.features if feature.dtype == "category"],
        params=parameters,
    )
    valid = train.create_valid(x_valid, label=labels_valid.astype(np.float32), params=parameters)
    losses: dict[str, dict[str, list[float]]] = {}
    callbacks = [lgb.record_evaluation(losses), *([lgb.log_evaluation(50)] if progress else [])]
    booster = lgb.train(parameters, train, config.trees, [valid], ["validation"], callbacks=callbacks)
    loss = losses["validation"]["binary_logloss"]
    first = min(config.min_trees, len(loss)) - 1
    return str(booster.model_to_string(num_iteration=first + 1 + int(np.argmin(loss[first:]))))


def booster_of(text: str) -> lgb.Booster:
    """LightGBM's own model of a text, to compare with; nothing that serves needs it."""
    return lgb.Booster(model_str=text)


def _check(part: str, x: NDArray[np.floating], labels: NDArray[np.bool_], spec: FeatureSpec) -> None:
    if x.ndim != 2 or x.shape != (labels.size, len(spec)):
        raise TrainingError(f"{part} rows must be [{labels.size}, {len(spec)}] as the spec says, got {x.shape}")
    if not labels.any() or labels.all():
        raise TrainingError(f"{part} labels need both classes, got {int(labels.sum())} positive of {labels.size}")


def _parameters(config: RerankerTrainingConfig, rows: int, seed: int) -> dict[str, Any]:
    """LightGBM's parameters; row-wise histograms and a fixed thread count make the text reproducible."""
    return {
        "objective": "binary",
        "metric": "binary_logloss",
        "num_leaves": config.leaves,
        "learning_rate": config.learning_rate,
        "min_data_in_leaf": int(np.clip(rows * config.min_leaf_share, *config.min_leaf_rows)),
        "lambda_l2": config.l2,
        "feature_fraction": config.feature_fraction,
        "bagging_fraction": config.bagging_fraction,
        "bagging_freq": 1,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": config.threads,
        "verbose": -1,
    }
