"""The default training configuration of each kind of session model."""

from streamrec_explain.errors import SettingsError
from streamrec_explain.models.session_protocol import KINDS
from streamrec_explain.models.session_training import SessionTrainingConfig, TrainingConfig
from streamrec_explain.models.transformer_training import TransformerTrainingConfig


def training_config(kind: str, seed: int, threads: int = 2) -> TrainingConfig:
    """The default configuration of a kind; SettingsError if there is no such kind."""
    if kind == "additive":
        return SessionTrainingConfig(seed=seed, threads=threads)
    if kind == "transformer":
        return TransformerTrainingConfig(seed=seed, threads=threads)
    raise SettingsError(f"there is no session model {kind!r}; choose one of: {', '.join(KINDS)}")
