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
    decays of different rates, so that heads start out with different memories.
    """

    interpolation_LK: Tensor

    def __init__(self, popularity: Tensor, heads: int, rank: int, max_lag: int, dropout: float) -> None:
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

    def lag_curve(self) -> Tensor:
        """Amplitude per head and integer lag, [H, max_lag + 1]; 0 at the unused lag 0."""
        return self.curve_HK @ self.interpolation_LK.T

    def summaries(self, items_BT: Tensor) -> Tensor:
        """For each place the weighted sum of the events before it, [B, T, H, R]."""
        b, t = items_BT.shape
        _, h, r = self.w_NHR.shape
        w_BTHR = self.dropout(nn.functional.embedding(items_BT, self.w_NHR.view(-1, h * r)))
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
        return torch.addmm(self.bias_N, summary_PHR.flatten(1), self.u_NHR.flatten(1).T)

    def logits_of(self, summary_PHR: Tensor, item_P: Tensor) -> Tensor:
        """Score of one item per position, [P]."""
        return (summary_PHR * self.u_NHR[item_P]).sum(dim=(1, 2)) + self.bias_N[item_P]

    def logits_among(self, summary_PHR: Tensor, item_S: Tensor) -> Tensor:
        """Scores of some items at every position, [P, S]."""
        return torch.addmm(self.bias_N[item_S], summary_PHR.flatten(1), self.u_NHR[item_S].flatten(1).T)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The tables decay, bias and curves do not."""
        return [{"params": [self.w_NHR, self.u_NHR]}, {"params": [self.bias_N, self.curve_HK], "weight_decay": 0.0}]

    @torch.no_grad()
    def export(self) -> SessionModel:
        """The served arrays, centred over the catalogue (which moves no softmax and no ranking)."""
        u_NHR, bias_N = self.u_NHR.double(), self.bias_N.double()
        return SessionModel(
            event_table=self.w_NHR.float().numpy().copy(),
            candidate_table=(u_NHR - u_NHR.mean(dim=0)).float().numpy(),
            bias=(bias_N - bias_N.mean()).float().numpy(),
            lag_curve=np.ascontiguousarray(self.lag_curve().float().numpy()),
        )


def _interpolation(max_lag: int) -> Tensor:
    """Weights [max_lag + 1, K] of the knots at each lag: linear in log(lag); row 0 is 0."""
    place = np.log(np.arange(1, max_lag + 1)) / np.log(max_lag) * (LAG_KNOTS - 1)
    hat = np.maximum(0.0, 1.0 - np.abs(place[:, None] - np.arange(LAG_KNOTS)))
    return torch.from_numpy(np.vstack([np.zeros(LAG_KNOTS), hat])).float()
