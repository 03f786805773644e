"""The session model as a torch module: what is learned, and the logits of every position at once.

Shape suffixes: B windows, T places, H heads, R rank, D = H * R, K lag knots, N items, P target positions.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from streamrec_explain.models.session_model import SessionModel

LAG_KNOTS = 21


class SessionNetwork(nn.Module):
    """score(c) = b_c + sum over events i, heads h of a_h(lag_i) <w_h(item_i), u_h(c)>, dropout on w.

    a_h is linear between values at knots spaced evenly in the logarithm of the lag, started as exponential
    decays of different rates, so that heads start out with different memories. With `content`, sparse float32 [N, F],
    an item's rows of w, u and b are its own plus those of its attributes, which share what rare items cannot learn.
    """

    interpolation_LK: Tensor

    def __init__(
        self,
        popularity: Tensor,
        heads: int,
        rank: int,
        max_lag: int,
        dropout: float,
        content: Tensor | None = None,
        content_decay: float = 2.0,
    ) -> None:
        super().__init__()
        items, scale = popularity.numel(), (heads * rank) ** -0.25 * 0.3
        self.w_NHR = nn.Parameter(torch.randn(items, heads, rank) * scale)
        self.u_NHR = nn.Parameter(torch.randn(items, heads, rank) * scale)
        log_popularity = torch.log(popularity.double() + 1.0).float()
        self.bias_N = nn.Parameter(log_popularity - log_popularity.mean())
        knots = torch.logspace(0, float(np.log10(max_lag)), LAG_KNOTS)
        memory_H = torch.logspace(0, float(np.log10(max(max_lag / 4, 2))), heads)
        self.curve_HK = nn.Parameter(torch.exp(-(knots[None, :] - 1) / memory_H[:, None]))
        self.register_buffer("interpolation_LK", _interpolation(max_lag))
        self.dropout = nn.Dropout(dropout)
        self.content_NF, self.content_decay = content, content_decay
        attributes = 0 if content is None else content.shape[1]
        self.w_FHR = nn.Parameter(torch.randn(attributes, heads, rank) * scale)
        self.u_FHR = nn.Parameter(torch.randn(attributes, heads, rank) * scale)
        self.bias_F = nn.Parameter(torch.zeros(attributes))

    def event_table(self) -> Tensor:
        """What each item says as an event, [N, H, R]."""
        return self._with_content(self.w_NHR, self.w_FHR)

    def candidate_table(self) -> Tensor:
        """What each item listens to as a candidate, [N, H, R]."""
        return self._with_content(self.u_NHR, self.u_FHR)

    def bias(self) -> Tensor:
        """The score of each item without history, [N]."""
        return self._with_content(self.bias_N, self.bias_F)

    def _with_content(self, own: Tensor, shared: Tensor) -> Tensor:
        if self.content_NF is None:
            return own
        of_attributes: Tensor = torch.sparse.mm(self.content_NF, shared.reshape(len(shared), -1))
        return own + of_attributes.view_as(own)

    def lag_curve(self) -> Tensor:
        """Amplitude per head and integer lag, [H, max_lag + 1]; 0 at the unused lag 0."""
        return self.curve_HK @ self.interpolation_LK.T

    def summaries(self, items_BT: Tensor) -> Tensor:
        """For each place the weighted sum of the events before it, [B, T, H, R]."""
        b, t = items_BT.shape
        _, h, r = self.w_NHR.shape
        w_BTHR = self.dropout(nn.functional.embedding(items_BT, self.event_table().view(-1, h * r)))
        w_HTBR = w_BTHR.view(b, t, h, r).permute(2, 1, 0, 3).reshape(h, t, b * r)
        q_HTBR = torch.bmm(self._toeplitz(t), w_HTBR)
        return q_HTBR.view(h, t, b, r).permute(2, 1, 0, 3)

    def _toeplitz(self, t: int) -> Tensor:
        """Weight of the event at place s for the place t after it, [H, T, T]; 0 on and above the diagonal."""
        curve_HL = self.lag_curve()
        lag_TT = torch.arange(t)[:, None] - torch.arange(t)[None, :]
        return curve_HL[:, lag_TT.clamp(0, curve_HL.shape[1] - 1)] * ((lag_TT >= 1) & (lag_TT < curve_HL.shape[1]))

    def logits(self, summary_PHR: Tensor) -> Tensor:
        """Scores of the whole catalogue, [P, N]."""
        return torch.addmm(self.bias(), summary_PHR.flatten(1), self.candidate_table().flatten(1).T)

    def logits_of(self, summary_PHR: Tensor, item_P: Tensor) -> Tensor:
        """Score of one item per position, [P]."""
        return (summary_PHR * self.candidate_table()[item_P]).sum(dim=(1, 2)) + self.bias()[item_P]

    def logits_among(self, summary_PHR: Tensor, item_S: Tensor) -> Tensor:
        """Scores of some items at every position, [P, S]."""
        u_SD = self.candidate_table()[item_S].flatten(1)
        return torch.addmm(self.bias()[item_S], summary_PHR.flatten(1), u_SD.T)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The tables decay, those of attributes at a rate of their own; bias and curves do not."""
        return [
            {"params": [self.w_NHR, self.u_NHR]},
            {"params": [self.bias_N, self.curve_HK], "weight_decay": 0.0},
            {"params": [self.w_FHR, self.u_FHR, self.bias_F], "weight_decay": self.content_decay},
        ]

    @torch.no_grad()
    def export(self) -> SessionModel:
        """The served arrays, content folded in, centred over the catalogue (which moves no softmax and no ranking)."""
        u_NHR, bias_N = self.candidate_table().double(), self.bias().double()
        return SessionModel(
            event_table=self.event_table().float().numpy().copy(),
            candidate_table=(u_NHR - u_NHR.mean(dim=0)).float().numpy(),
            bias=(bias_N - bias_N.mean()).float().numpy(),
            lag_curve=np.ascontiguousarray(self.lag_curve().float().numpy()),
        )


def _interpolation(max_lag: int) -> Tensor:
    """Weights [max_lag + 1, K] of the knots at each lag: linear in log(lag); row 0 is 0."""
    place = np.log(np.arange(1, max_lag + 1)) / np.log(max_lag) * (LAG_KNOTS - 1)
    hat = np.maximum(0.0, 1.0 - np.abs(place[:, None] - np.arange(LAG_KNOTS)))
    return torch.from_numpy(np.vstack([np.zeros(LAG_KNOTS), hat])).float()
