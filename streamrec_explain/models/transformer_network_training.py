"""The transformer session model as a torch module: what is learned, and the logits of every position at once.

A SASRec-like decoder (Kang & McAuley 2018): causal self-attention over items, pre-norm blocks, full-catalogue softmax.
What an item says as an event and as a candidate are two tables. Instead of a place's number it learns a bias per head
and distance between two events (Shaw et al. 2018; Raffel et al. 2020), so that a removed event moves no other.

Shape suffixes: B windows, T places, D width, H heads, N items, L distances, P target positions, S sampled items.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from streamrec_explain.models.transformer_model import TransformerModel


class TransformerBlock(nn.Module):
    """x + W_o attention(norm(x)), then x + W_2 relu(W_1 norm(x)), dropout on both updates."""

    def __init__(self, width: int, heads: int, inner: int, max_lag: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm, self.inner_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.expand, self.shrink = nn.Linear(width, inner), nn.Linear(inner, width)
        self.distance_HL = nn.Parameter(torch.zeros(heads, max_lag))
        self.dropout = nn.Dropout(dropout)

    def projections(self) -> tuple[nn.Linear, ...]:
        """Query, key, value and output."""
        return self.query, self.key, self.value, self.out

    def forward(self, x_BTD: Tensor, lags_T: Tensor) -> Tensor:
        """The block's output at every place, each from itself and the places before it: [B, T, D]."""
        x_BTD = x_BTD + self.dropout(self.out(self._attend(self.attention_norm(x_BTD), lags_T)))
        inner = torch.relu(self.expand(self.inner_norm(x_BTD)))
        return torch.as_tensor(x_BTD + self.dropout(self.shrink(inner)))

    def _attend(self, x_BTD: Tensor, lags_T: Tensor) -> Tensor:
        b, t, d = x_BTD.shape
        q, k, v = (part(x_BTD).view(b, t, self.heads, -1).transpose(1, 2) for part in self.projections()[:3])
        weights_BHTT = torch.softmax(q @ k.transpose(2, 3) * (d // self.heads) ** -0.5 + self._bias(lags_T), dim=3)
        return torch.as_tensor((weights_BHTT @ v).transpose(1, 2).reshape(b, t, d))

    def _bias(self, lags_T: Tensor) -> Tensor:
        """What the distance of two events adds to their attention, [H, T, T]; -inf for later events."""
        place_T = torch.arange(len(lags_T))
        distance_TT = (lags_T[None, :] - lags_T[:, None]).clamp(0, self.distance_HL.shape[1] - 1)
        return self.distance_HL[:, distance_TT].masked_fill(place_T[None, :] > place_T[:, None], -torch.inf)


class TransformerNetwork(nn.Module):
    """score(c) = b_c + <norm(x), u_c>, x the top block's output at the latest event; b_c where there is no event."""

    def __init__(
        self,
        popularity: Tensor,
        width: int,
        layers: int,
        heads: int,
        inner: int,
        max_lag: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.event_ND = nn.Parameter(torch.randn(popularity.numel(), width) * width**-0.5)
        self.candidate_ND = nn.Parameter(torch.randn(popularity.numel(), width) * 0.3 * width**-0.5)
        log_popularity = torch.log(popularity.double() + 1.0).float()
        self.bias_N = nn.Parameter(log_popularity - log_popularity.mean())
        self.blocks = nn.ModuleList(TransformerBlock(width, heads, inner, max_lag, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def summaries(self, items_BT: Tensor) -> Tensor:
        """For each place what the events before it say, [B, T, D]; 0 at the first place."""
        lags_T = torch.arange(items_BT.shape[1], 0, -1)
        x_BTD = self.encode(self.dropout(nn.functional.embedding(items_BT, self.event_ND)), lags_T)
        return nn.functional.pad(x_BTD[:, :-1], (0, 0, 1, 0))

    def encode(self, x_BTD: Tensor, lags_T: Tensor) -> Tensor:
        """What the events up to each place say, themselves included, from their embeddings: [B, T, D]."""
        for block in self.blocks:
            x_BTD = block(x_BTD, lags_T)
        return torch.as_tensor(self.norm(x_BTD))

    def logits(self, summary_PD: Tensor) -> Tensor:
        """Scores of the whole catalogue, [P, N]."""
        return torch.addmm(self.bias_N, summary_PD, self.candidate_ND.T)

    def logits_of(self, summary_PD: Tensor, item_P: Tensor) -> Tensor:
        """Score of one item per position, [P]."""
        return (summary_PD * self.candidate_ND[item_P]).sum(dim=1) + self.bias_N[item_P]

    def logits_among(self, summary_PD: Tensor, item_S: Tensor) -> Tensor:
        """Scores of some items at every position, [P, S]."""
        return torch.addmm(self.bias_N[item_S], summary_PD, self.candidate_ND[item_S].T)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Tables and matrices decay; biases and norms do not."""
        linear = (each for each in self.modules() if isinstance(each, nn.Linear))
        matrices = [self.event_ND, self.candidate_ND, *(each.weight for each in linear)]
        ids = {id(each) for each in matrices}
        others = [each for each in self.parameters() if id(each) not in ids]
        return [{"params": matrices}, {"params": others, "weight_decay": 0.0}]

    @classmethod
    @torch.no_grad()
    def of(cls, model: TransformerModel) -> "TransformerNetwork":
        """The network of served arrays in double precision, to take gradients of."""
        (layers, heads, max_lag), inner = model.distance_bias.shape, model.expand.shape[2]
        width = model.event_table.shape[1]
        network = cls(torch.zeros(model.n_items), width, layers, heads, inner, max_lag, dropout=0.0).double().eval()
        network.event_ND.copy_(torch.from_numpy(model.event_table))
        network.candidate_ND.copy_(torch.from_numpy(model.candidate_table))
        network.bias_N.copy_(torch.from_numpy(model.bias))
        for layer, block in enumerate(network.transformer_blocks()):
            for linear, weights in zip(block.projections(), model.projections[layer], strict=True):
                _set_affine(linear, weights)
            _set_affine(block.expand, model.expand[layer])
            _set_affine(block.shrink, model.shrink[layer])
            _set_scale(block.attention_norm, model.norms[layer, 0])
            _set_scale(block.inner_norm, model.norms[layer, 1])
            block.distance_HL.copy_(torch.from_numpy(model.distance_bias[layer]))
        _set_scale(network.norm, model.final_norm)
        return network

    def transformer_blocks(self) -> list[TransformerBlock]:
        """The blocks, the lowest first."""
        return [block for block in self.blocks if isinstance(block, TransformerBlock)]

    @torch.no_grad()
    def export(self) -> TransformerModel:
        """The served arrays, centred over the catalogue (which moves no softmax and no ranking)."""
        candidate_ND, bias_N = self.candidate_ND.double(), self.bias_N.double()
        blocks = self.transformer_blocks()
        return TransformerModel(
            event_table=_array(self.event_ND),
            candidate_table=_array(candidate_ND - candidate_ND.mean(dim=0)),
            bias=_array(bias_N - bias_N.mean()),
            projections=_array(torch.stack([torch.stack([_affine(each) for each in b.projections()]) for b in blocks])),
            expand=_array(torch.stack([_affine(block.expand) for block in blocks])),
            shrink=_array(torch.stack([_affine(block.shrink) for block in blocks])),
            norms=_array(torch.stack([torch.stack([_scale(b.attention_norm), _scale(b.inner_norm)]) for b in blocks])),
            final_norm=_array(_scale(self.norm)),
            distance_bias=_array(torch.stack([block.distance_HL for block in blocks])),
        )


def _affine(linear: nn.Linear) -> Tensor:
    """Weights [in + 1, out] of a linear layer, the last row its bias."""
    return torch.cat([linear.weight.T, linear.bias[None]])


def _scale(norm: nn.LayerNorm) -> Tensor:
    return torch.stack([norm.weight, norm.bias])


def _set_affine(linear: nn.Linear, weights: NDArray[np.float32]) -> None:
    linear.weight.copy_(torch.from_numpy(weights[:-1].T))
    linear.bias.copy_(torch.from_numpy(weights[-1]))


def _set_scale(norm: nn.LayerNorm, weights: NDArray[np.float32]) -> None:
    norm.weight.copy_(torch.from_numpy(weights[0]))
    norm.bias.copy_(torch.from_numpy(weights[1]))


def _array(values: Tensor) -> NDArray[np.float32]:
    return np.ascontiguousarray(values.float().numpy())
