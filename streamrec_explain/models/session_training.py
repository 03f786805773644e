"""Training a session model: next event from the events before it, softmax over the catalogue."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor
from tqdm import tqdm

from streamrec_explain.errors import TrainingError
from streamrec_explain.events.interactions import Interactions
from streamrec_explain.events.splits import SESSION_PHASE
from streamrec_explain.models.session_links_training import LinkConfig, with_item_weights
from streamrec_explain.models.session_model import SessionModel
from streamrec_explain.models.session_network_training import SessionNetwork
from streamrec_explain.models.session_protocol import SessionScorer
from streamrec_explain.models.session_windows import Batch, Windows, windows

EVENTS_SEEN = 1_500_000
EPOCHS = (5, 10)


class TrainableNetwork(Protocol):
    """A session model while it learns; P are target positions, S sampled items, N all items."""

    def summaries(self, items_BT: Tensor) -> Tensor:
        """For each place what the events before it say, [B, T, ...]."""
        ...

    def logits(self, summary_P: Tensor) -> Tensor:
        """Scores of the whole catalogue, [P, N]."""
        ...

    def logits_of(self, summary_P: Tensor, item_P: Tensor) -> Tensor:
        """Score of one item per position, [P]."""
        ...

    def logits_among(self, summary_P: Tensor, item_S: Tensor) -> Tensor:
        """Scores of some items at every position, [P, S]."""
        ...

    def parameter_groups(self) -> list[dict[str, Any]]:
        """What the optimizer is given: parameters that decay, and those that do not."""
        ...

    def export(self) -> SessionScorer:
        """The arrays that are served."""
        ...


@dataclass(frozen=True)
class TrainingConfig(ABC):
    """How any session model is trained; equal configurations on equal data give equal bits.

    `positions` places (padding included) make a step; a window predicts `stride` events from up to `context`
    before each. Catalogues above `full_softmax_items` are trained with `negatives` sampled items a step.
    `epochs` None means as many as see about 1.5 million events, from 5 to 10: more data needs fewer; `steps`, where
    given, counts instead. The learning rate falls as a cosine after rising over the share `warmup` of all steps.
    `threads` is part of the result: torch sums in an order that depends on it.
    """

    seed: int = 0
    max_lag: int = 200
    epochs: int | None = None
    steps: int | None = None
    learning_rate: float = 1e-2
    weight_decay: float = 4.0
    dropout: float = 0.3
    warmup: float = 0.0
    positions: int = 4096
    context: int = 100
    stride: int = 100
    full_softmax_items: int = 30_000
    negatives: int = 4096
    threads: int = 2

    @abstractmethod
    def network(self, popularity: Tensor, content: Tensor | None) -> TrainableNetwork:
        """A new network for a catalogue whose items were engaged with `popularity` [N] times.

        `content` sparse [N, F] is for networks that learn from what items are.
        """

    def completed(self, model: SessionScorer, item: NDArray[np.int32], offsets: NDArray[np.int64]) -> SessionScorer:
        """The trained model with what is fitted apart from descent on item[offsets[u]:offsets[u + 1]]."""
        return model

    def epochs_for(self, n_events: int) -> int:
        """How often all of `n_events` training events are seen."""
        return self.epochs or int(np.clip(EVENTS_SEEN // n_events, *EPOCHS))

    def rate_at(self, step: int, steps: int) -> float:
        """The factor of the learning rate at a step of `steps`."""
        rising = min(1.0, (step + 1) / max(1.0, self.warmup * steps))
        return rising * (1.0 + float(np.cos(np.pi * step / steps))) / 2.0


@dataclass(frozen=True)
class SessionTrainingConfig(TrainingConfig):
    """Hyper-parameters of the additive model; see `session_model`.

    `links` are fitted apart from what is learned by descent, in closed form, and add one head to `heads`; None for a
    model without. `content_decay` is the weight decay of what is learned of attributes, which items share.
    """

    heads: int = 4
    rank: int = 64
    content_decay: float = 2.0
    links: LinkConfig | None = field(default_factory=LinkConfig)

    def network(self, popularity: Tensor, content: Tensor | None) -> SessionNetwork:
        """The additive network."""
        return SessionNetwork(
            popularity, self.heads, self.rank, self.max_lag, self.dropout, content, self.content_decay
        )

    def completed(self, model: SessionScorer, item: NDArray[np.int32], offsets: NDArray[np.int64]) -> SessionScorer:
        """The model with its links."""
        if self.links is None or not isinstance(model, SessionModel):
            return model
        return with_item_weights(model, item, offsets, self.links)


@dataclass(frozen=True)
class TrainedSession:
    """A trained session model, the mean loss (nats per event) of each epoch, and how it was trained."""

    model: SessionScorer
    losses: tuple[float, ...]
    n_events: int
    n_sequences: int
    config: TrainingConfig


def train_session_model(
    interactions: Interactions,
    phases: NDArray[np.int8],
    n_items: int,
    config: TrainingConfig,
    progress: bool = False,
    content: csr_array | None = None,
) -> TrainedSession:
    """Train on each user's events of phase 0; the configuration says which kind of model, and determines its bits.

    `phases` is the phase of each impression row; `progress` draws a bar on standard error; `content` float32
    [n_items, F] is what items are (`session_content`). TrainingError if no user has two events of phase 0, or if
    the loss leaves the finite numbers.
    """
    item, offsets = training_sequences(interactions, phases)
    sequences = int((np.diff(offsets) >= 2).sum())
    if sequences == 0:
        raise TrainingError("no user has two engaged events before the split; more events are needed to train")
    cut = windows(item, offsets, config.context, config.stride)
    with _torch_state(config.threads, config.seed):
        popularity = torch.from_numpy(np.bincount(item, minlength=n_items))
        trainer = _Trainer(popularity, cut, config, _sparse(content))
        losses = list(trainer.epochs(progress))
        model = config.completed(trainer.network.export(), item, offsets)
    return TrainedSession(model, tuple(losses), item.size, sequences, config)


def seconds_per_step(
    interactions: Interactions,
    phases: NDArray[np.int8],
    n_items: int,
    config: TrainingConfig,
    clock: Callable[[], float],
    steps: int = 12,
) -> float:
    """What a training step costs by `clock` in seconds, the mean of `steps` steps of a network that is thrown away."""
    item, offsets = training_sequences(interactions, phases)
    cut = windows(item, offsets, config.context, config.stride)
    with _torch_state(config.threads, config.seed):
        trainer = _Trainer(torch.from_numpy(np.bincount(item, minlength=n_items)), cut, replace(config, steps=10**6))
        batches = list(islice(cut.batches(config.positions, np.random.default_rng(config.seed)), steps + 1))
        trainer.step(batches[0])  # which allocates what later steps find
        started = clock()
        for batch in batches[1:]:
            trainer.step(batch)
        return (clock() - started) / max(len(batches) - 1, 1)


def training_sequences(
    interactions: Interactions, phases: NDArray[np.int8]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Items of the phase 0 events, user by user, and the users' offsets [n_users + 1] into them."""
    kept = phases[interactions.row] == SESSION_PHASE
    before = np.concatenate(([0], np.cumsum(kept)))
    return interactions.item[kept], before[interactions.offsets]


class _Trainer:
    """The state of one training run: network, optimizer, schedule and random streams."""

    def __init__(self, popularity: Tensor, cut: Windows, config: TrainingConfig, content: Tensor | None = None) -> None:
        self.cut, self.config = cut, config
        self.rng = np.random.default_rng(config.seed)
        self.network = config.network(popularity, content)
        self.optimizer = torch.optim.AdamW(
            self.network.parameter_groups(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        steps = config.steps or config.epochs_for(cut.item.size) * cut.count_batches(config.positions)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, lambda step: config.rate_at(step, steps))
        self.steps = steps
        self.draw_N = (popularity.double() + 1.0) ** 0.75
        self.draw_N /= self.draw_N.sum()

    def epochs(self, progress: bool) -> Iterator[float]:
        """Train on every window again and again until all steps are made; the mean loss per event of each time."""
        with tqdm(total=self.steps, desc="session model", unit="step", disable=not progress) as bar:
            while self.schedule.last_epoch < self.steps:  # which counts steps, as the schedule moves with every one
                left = self.steps - self.schedule.last_epoch
                yield self._mean_loss(islice(self.cut.batches(self.config.positions, self.rng), left), bar)

    def _mean_loss(self, batches: Iterable[Batch], bar: tqdm) -> float:
        total, events = 0.0, 0
        for batch in batches:
            loss, count = self.step(batch)
            total, events = total + loss * count, events + count
            bar.update()
        return total / events

    def step(self, batch: Batch) -> tuple[float, int]:
        """One step of the optimizer: the mean loss before it and the number of events."""
        items_BT, targets_BT = torch.from_numpy(batch.items), torch.from_numpy(batch.targets)
        summary_P = self.network.summaries(items_BT)[targets_BT]
        target_P = items_BT[targets_BT]
        loss = self._loss(summary_P, target_P)
        value = float(loss.detach())
        if not np.isfinite(value):
            raise TrainingError(f"the session model's loss became {value}; lower learning_rate")
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self.optimizer.step()
        self.schedule.step()
        return value, target_P.numel()

    def _loss(self, summary_P: Tensor, target_P: Tensor) -> Tensor:
        if self.draw_N.numel() <= self.config.full_softmax_items:
            return torch.nn.functional.cross_entropy(self.network.logits(summary_P), target_P)
        return self._sampled_loss(summary_P, target_P)

    def _sampled_loss(self, summary_P: Tensor, target_P: Tensor) -> Tensor:
        """Softmax over the target and shared draws, corrected by log(expected draws) (Jean et al. 2015)."""
        drawn_S = torch.multinomial(self.draw_N, self.config.negatives, replacement=True)
        log_expected_N = torch.log(self.draw_N * self.config.negatives).float()
        other_PS = self.network.logits_among(summary_P, drawn_S) - log_expected_N[drawn_S]
        other_PS = other_PS.masked_fill(drawn_S[None, :] == target_P[:, None], -torch.inf)
        own_P = self.network.logits_of(summary_P, target_P) - log_expected_N[target_P]
        return (torch.logsumexp(torch.cat([own_P[:, None], other_PS], dim=1), dim=1) - own_P).mean()


def _sparse(matrix: csr_array | None) -> Tensor | None:
    """The same matrix as a torch tensor of coordinates; None where there is nothing in it."""
    if matrix is None or not matrix.nnz:
        return None
    entries = matrix.tocoo()
    places = torch.from_numpy(np.stack([entries.row, entries.col]).astype(np.int64))
    values = torch.from_numpy(entries.data)
    return torch.sparse_coo_tensor(places, values, entries.shape, check_invariants=True).coalesce()


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
