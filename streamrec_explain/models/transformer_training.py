"""Hyper-parameters of the transformer session model, trained by the same loop as the additive one."""

from dataclasses import dataclass

from torch import Tensor

from streamrec_explain.models.session_training import TrainingConfig
from streamrec_explain.models.transformer_network_training import TransformerNetwork


@dataclass(frozen=True)
class TransformerTrainingConfig(TrainingConfig):
    """Hyper-parameters of the transformer; see `transformer_model` and `transformer_network_training`.

    Tuned on the validation phase of the synthetic world for equal training time: one layer learns more in it than two,
    and many small steps more than few large ones.
    """

    width: int = 64
    layers: int = 1
    heads: int = 2
    inner: int = 128
    learning_rate: float = 1e-2
    positions: int = 1024
    weight_decay: float = 0.1
    dropout: float = 0.2
    warmup: float = 0.05

    def network(self, popularity: Tensor, content: Tensor | None) -> TransformerNetwork:
        """The transformer network, which learns from events alone."""
        return TransformerNetwork(
            popularity, self.width, self.layers, self.heads, self.inner, self.max_lag, self.dropout
        )
