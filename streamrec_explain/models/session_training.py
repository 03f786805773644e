"""Training the additive session model: next event from the events before it, softmax over the catalogue."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from streamrec_explain.errors import TrainingError
from streamrec_explain.events.interactions import Interactions
from streamrec_explain.events.splits import SESSION_PHASE
from streamrec_explain.models.session_links_training import LinkConfig, with_item_weights
from streamrec_explain.models.session_model import SessionModel
from streamrec_explain.models.session_network_training import SessionNetwork
from streamrec_explain.models.session_windows import Batch, Windows, windows

EVENTS_SEEN = 1_500_000
EPOCHS = (5, 10)


@dataclass(frozen=True)
class SessionTrainingConfig:
    """Hyper-parameters of the session model; equal configurations on equal data give equal bits.

    `positions` places (padding included) make a step; a window predicts `stride` events from up to `context`
    before each. Catalogues above `full_softmax_items` are trained with `negatives` sampled items a step.
    `epochs` None means as many as see about 1.5 million events, from 5 to 10: more data needs fewer.
    `threads` is part of the result: torch sums in an order that depends on it. `links` are fitted apart from what is
    learned by descent, in closed form, and add one head to `heads`; None for a model without.
    """

    seed: int = 0
    heads: int = 4
    rank: int = 64
    max_lag: int = 200
    epochs: int | None = None
    learning_rate: float = 1e-2
    weight_decay: float = 4.0
    dropout: float = 0.3
    positions: int = 4096
    context: int = 100
    stride: int = 100
    full_softmax_items: int = 30_000
    negatives: int = 4096
    threads: int = 2
    links: LinkConfig | None = field(default_factory=LinkConfig)

    def epochs_for(self, n_events: int) -> int:
        """How often all of `n_events` training events are seen."""
        return self.epochs or int(np.clip(EVENTS_SEEN // n_events, *EPOCHS))


@dataclass(frozen=True)
class TrainedSession:
    """A trained session model, the mean loss (nats per event) of each epoch, and how it was trained."""

    model: SessionModel
    losses: tuple[float, ...]
    n_events: int
    n_sequences: int
    config: SessionTrainingConfig


def train_session_model(
    interactions: Interactions,
    phases: NDArray[np.int8],
    n_items: int,
    config: SessionTrainingConfig,
    progress: bool = False,
) -> TrainedSession:
    """Train on each user's events of phase 0; deterministic from the configuration.

    `phases` is the phase of each impression row; `progress` draws a bar on standard error. TrainingError if no
    user has two events of phase 0, or if the loss leaves the finite numbers.
    """
    item, offsets = training_sequences(interactions, phases)
    sequences = int((np.diff(offsets) >= 2).sum())
    if sequences == 0:
        raise TrainingError("no user has two engaged events before the split; more events are needed to train")
    cut = windows(item, offsets, config.context, config.stride)
    with _torch_state(config.threads, config.seed):
        popularity = torch.from_numpy(np.bincount(item, minlength=n_items))
        trainer = _Trainer(popularity, cut, config)
        losses = [trainer.epoch(bar) for bar in _epochs(config, cut, progress)]
        model = trainer.network.eval().export()
        if config.links is not None:
            model = with_item_weights(model, item, offsets, config.links)
    return TrainedSession(model, tuple(losses), item.size, sequences, config)


def training_sequences(
    interactions: Interactions, phases: NDArray[np.int8]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Items of the phase 0 events, user by user, and the users' offsets [n_users + 1] into them."""
    kept = phases[interactions.row] == SESSION_PHASE
    before = np.concatenate(([0], np.cumsum(kept)))
    return interactions.item[kept], before[interactions.offsets]


class _Trainer:
    """The state of one training run: network, optimizer, schedule and random streams."""

    def __init__(self, popularity: Tensor, cut: Windows, config: SessionTrainingConfig) -> None:
        self.cut, self.config = cut, config
        self.rng = np.random.default_rng(config.seed)
        self.network = SessionNetwork(popularity, config.heads, config.rank, config.max_lag, config.dropout)
        groups: list[dict[str, Any]] = [
            {"params": [self.network.w_NHR, self.network.u_NHR]},
            {"params": [self.network.bias_N, self.network.curve_HK], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=config.learning_rate, weight_decay=config.weight_decay)
        steps = config.epochs_for(cut.item.size) * cut.count_batches(config.positions)
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, steps)
        self.draw_N = (popularity.double() + 1.0) ** 0.75
        self.draw_N /= self.draw_N.sum()

    def epoch(self, bar: tqdm) -> float:
        """Train on every window once; the mean loss per event."""
        total, events = 0.0, 0
        for batch in self.cut.batches(self.config.positions, self.rng):
            loss, count = self._step(batch)
            total, events = total + loss * count, events + count
            bar.update()
        return total / events

    def _step(self, batch: Batch) -> tuple[float, int]:
        items_BT, targets_BT = torch.from_numpy(batch.items), torch.from_numpy(batch.targets)
        summary_PHR = self.network.summaries(items_BT)[targets_BT]
        target_P = items_BT[targets_BT]
        loss = self._loss(summary_PHR, target_P)
        value = float(loss.detach())
        if not np.isfinite(value):
            raise TrainingError(f"the session model's loss became {value}; lower learning_rate")
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self.optimizer.step()
        self.schedule.step()
        return value, target_P.numel()

    def _loss(self, summary_PHR: Tensor, target_P: Tensor) -> Tensor:
        if self.draw_N.numel() <= self.config.full_softmax_items:
            return torch.nn.functional.cross_entropy(self.network.logits(summary_PHR), target_P)
        return self._sampled_loss(summary_PHR, target_P)

    def _sampled_loss(self, summary_PHR: Tensor, target_P: Tensor) -> Tensor:
        """Softmax over the target and shared draws, corrected by log(expected draws) (Jean et al. 2015)."""
        drawn_S = torch.multinomial(self.draw_N, self.config.negatives, replacement=True)
        log_expected_N = torch.log(self.draw_N * self.config.negatives).float()
        u_SD = self.network.u_NHR[drawn_S].flatten(1)
        other_PS = torch.addmm(self.network.bias_N[drawn_S], summary_PHR.flatten(1), u_SD.T)
        other_PS = other_PS - log_expected_N[drawn_S]
        other_PS = other_PS.masked_fill(drawn_S[None, :] == target_P[:, None], -torch.inf)
        own_P = self.network.logits_of(summary_PHR, target_P) - log_expected_N[target_P]
        return (torch.logsumexp(torch.cat([own_P[:, None], other_PS], dim=1), dim=1) - own_P).mean()


def _epochs(config: SessionTrainingConfig, cut: Windows, progress: bool) -> Iterator[tqdm]:
    """The same progress bar once per epoch."""
    epochs = config.epochs_for(cut.item.size)
    steps = epochs * cut.count_batches(config.positions)
    with tqdm(total=steps, desc="session model", unit="step", disable=not progress) as bar:
        for epoch in range(epochs):
            bar.set_postfix(epoch=f"{epoch + 1}/{epochs}")
            yield bar


@contextmanager
def _torch_state(threads: int, seed: int) -> Iterator[None]:
    """Fix torch's thread count and random state for the block, and give the caller's back."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(before)
