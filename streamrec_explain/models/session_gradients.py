"""The score of a session model as a differentiable function of its events' embeddings, for gradient attributions."""

import numpy as np
import torch
from numpy.typing import NDArray

from streamrec_explain.attribution.integrated_gradients import Forward, bilinear_forward
from streamrec_explain.errors import UnsupportedModelError
from streamrec_explain.models.session_model import SessionModel
from streamrec_explain.models.session_protocol import SessionScorer
from streamrec_explain.models.transformer_model import TransformerModel
from streamrec_explain.models.transformer_network_training import TransformerNetwork

Float64 = NDArray[np.float64]
Int32 = NDArray[np.int32]


def embedded_score(model: SessionScorer, history: Int32, lags: Int32, candidate: int) -> tuple[Forward, Float64]:
    """The score of one candidate as a torch function [n, L, D] -> [n], and the embeddings of the events [1, L, D].

    The events must be known and within the model's horizon; there must be one. UnsupportedModelError for a kind of
    model whose torch form is not known.
    """
    if isinstance(model, SessionModel):
        return _additive(model, history, lags, candidate)
    if isinstance(model, TransformerModel):
        return _transformer(model, history, lags, candidate)
    raise UnsupportedModelError(f"no torch form of a {type(model).__name__} is known")


def _additive(model: SessionModel, history: Int32, lags: Int32, candidate: int) -> tuple[Forward, Float64]:
    x_LD, weights_LD = model.embedded(history, lags, candidate)
    return bilinear_forward(weights_LD[None], model.bias[[candidate]].astype(np.float64)), x_LD[None]


def _transformer(model: TransformerModel, history: Int32, lags: Int32, candidate: int) -> tuple[Forward, Float64]:
    network, lags_L = TransformerNetwork.of(model), torch.from_numpy(lags.astype(np.int64))
    u_D = torch.from_numpy(model.candidate_table[candidate].astype(np.float64))
    bias = float(model.bias[candidate])

    def forward(x_nLD: torch.Tensor) -> torch.Tensor:
        return network.encode(x_nLD, lags_L)[:, -1] @ u_D + bias

    return forward, model.event_table[history].astype(np.float64)[None]
