"""The served session model: additive target attention over a history, scored from plain arrays.

    score(c) = b_c + sum over events i of (sum over heads h of a_h(lag_i) <w_h(item_i), u_h(c)>) + l(lag_i) s(item_i, c)

An event's contribution is exactly what the score loses without it, because nothing is normalised over the
history and `lag` (the user's next sequence number minus the event's) is a property of the event: removing
another event does not change it. Tables are centred over the catalogue, so that without links (s, sparse) 0 is the
average item's score.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamrec_explain.attribution.removal import EventGroups
from streamrec_explain.errors import UnsupportedModelError
from streamrec_explain.models import session_kernels
from streamrec_explain.models.session_histories import flat_histories, item_codes, one_history, paired_candidates
from streamrec_explain.models.session_links import Links
from streamrec_explain.models.session_protocol import HistoryEffects

FORMAT = "additive-session-model/2"
FORMAT_WITHOUT_LINKS = "additive-session-model/1"
_TABLES = ("event_table", "candidate_table", "bias", "lag_curve")
_LINKS = ("link_items", "link_weights", "link_curve")


@dataclass(frozen=True)
class SessionModel:
    """Arrays of a trained session model; item codes are rows of the catalogue.

    event_table: float32 [n_items, heads, rank], what an event says (w).
    candidate_table: float32 [n_items, heads, rank], what a candidate listens to (u), centred.
    bias: float32 [n_items], the score without history, centred.
    lag_curve: float32 [heads, max_lag + 1], amplitude per lag (a); column 0 is unused, and an event
    further back than max_lag contributes exactly 0.
    links: pairs of items remembered one by one (s, l); none by default.
    """

    event_table: NDArray[np.float32]
    candidate_table: NDArray[np.float32]
    bias: NDArray[np.float32]
    lag_curve: NDArray[np.float32]
    links: Links = field(default_factory=Links.none)

    def __post_init__(self) -> None:
        for name, ndim in (("event_table", 3), ("candidate_table", 3), ("bias", 1), ("lag_curve", 2)):
            array: NDArray[np.float32] = getattr(self, name)
            if array.dtype != np.float32 or array.ndim != ndim or not array.flags.c_contiguous:
                raise UnsupportedModelError(
                    f"session model: {name} must be contiguous float32 with {ndim} dimensions, "
                    f"got {array.dtype} {array.shape}"
                )
            if not np.isfinite(array).all():
                raise UnsupportedModelError(f"session model: {name} holds NaN or infinity")
        items, heads, rank = self.event_table.shape
        if rank % 4:
            raise UnsupportedModelError(f"session model: rank must be a multiple of 4, got {rank}")
        if self.candidate_table.shape != self.event_table.shape or self.bias.shape != (items,):
            raise UnsupportedModelError("session model: tables and bias disagree on items, heads or rank")
        if self.lag_curve.shape[0] != heads or self.lag_curve.shape[1] < 2:
            raise UnsupportedModelError(f"session model: lag_curve {self.lag_curve.shape} for {heads} heads")
        if not self.links.fit(items, self.lag_curve.shape[1]):
            raise UnsupportedModelError("session model: links and tables disagree on items or lags")

    @property
    def n_items(self) -> int:
        """Size of the catalogue the model was trained on."""
        return self.bias.size

    @property
    def max_lag(self) -> int:
        """The furthest lag that still contributes."""
        return int(self.lag_curve.shape[1]) - 1

    def scores(self, history: ArrayLike, lags: ArrayLike, candidates: ArrayLike) -> NDArray[np.float64]:
        """Score of each candidate, float64 [n]: independent, bit for bit, of the other candidates.

        `history` and `lags` are [L] item codes and lags >= 1; code -1 (unknown item) contributes 0 as an
        event and scores 0 as a candidate. Without history the score is the bias.
        """
        history, lags = one_history(history, lags)
        return np.asarray(session_kernels.scores(self._arrays, history, lags, item_codes(candidates)))

    def paired_scores(
        self, events: ArrayLike, lags: ArrayLike, ranges: ArrayLike, candidates: ArrayLike
    ) -> NDArray[np.float64]:
        """Scores of M (history, candidate) pairs over flat arrays of events and lags: float64 [M], equal to `scores`.

        Pair m's history is [ranges[m, 0]:ranges[m, 1]] of both.
        """
        flat = flat_histories(events, lags, ranges)
        candidates = paired_candidates(candidates, flat[2])
        return np.asarray(session_kernels.paired_scores(self._arrays, *flat, candidates))

    def contributions(self, history: ArrayLike, lags: ArrayLike, candidates: ArrayLike) -> NDArray[np.float64]:
        """What each event adds to each candidate's score, float64 [n, L]; bias + row sum = score."""
        history, lags = one_history(history, lags)
        return np.asarray(session_kernels.contributions(self._arrays, history, lags, item_codes(candidates)))

    def effects(
        self, history: ArrayLike, lags: ArrayLike, candidates: ArrayLike, groups: EventGroups
    ) -> HistoryEffects:
        """Contributions summed by group: exactly what removing the group takes from the score."""
        events = self.contributions(history, lags, candidates)
        drops = groups.sums(events)
        return HistoryEffects(drops, drops.sum(axis=1), attention(events))

    def embedded(
        self, history: ArrayLike, lags: ArrayLike, candidate: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What each event says, and what that is worth to a candidate: float64 [L, D] each, of known items and lags.

        Their products summed over D are the event's contribution. D is heads x rank, and 1 for the event's link.
        """
        events, places = one_history(history, lags)
        worth_LHR = self.lag_curve.T[places][:, :, None] * self.candidate_table[candidate]
        said_LHR, flat = self.event_table[events], (len(events), -1)
        if not len(self.links.items):
            return said_LHR.reshape(flat).astype(np.float64), worth_LHR.reshape(flat).astype(np.float64)
        said = np.column_stack([said_LHR.reshape(flat), self.links.between(events, candidate)])
        worth = np.column_stack([worth_LHR.reshape(flat), self.links.curve[places]])
        return said.astype(np.float64), worth.astype(np.float64)

    def scores_after(
        self, events: ArrayLike, sequence: ArrayLike, ranges: ArrayLike, candidates: ArrayLike
    ) -> NDArray[np.float64]:
        """Scores of M (history, candidate) pairs over flat event arrays: float64 [M], equal to `scores`.

        Pair m's history is events[ranges[m, 0]:ranges[m, 1]] (codes, with rising `sequence` numbers); pairs
        with the same history cost least when they stand together.
        """
        flat = flat_histories(events, sequence, ranges)
        candidates = paired_candidates(candidates, flat[2])
        return np.asarray(session_kernels.scores_after(self._arrays, *flat, candidates))

    def catalogue_scores(self, events: ArrayLike, sequence: ArrayLike, ranges: ArrayLike) -> NDArray[np.float32]:
        """Scores of the whole catalogue after each of M histories: float32 [M, n_items].

        Made for ranking: one matrix product and the links, equal to `scores` within float32 rounding but not bit
        for bit.
        """
        flat = flat_histories(events, sequence, ranges)
        summaries = session_kernels.summaries(self._arrays, *flat).astype(np.float32)
        scores = summaries.reshape(len(summaries), -1) @ self.candidate_table.reshape(self.n_items, -1).T
        scores += self.bias
        session_kernels.add_links(self._arrays, *flat, scores)
        return np.asarray(scores)

    def permuted(self, rng: np.random.Generator) -> "SessionModel":
        """The model with what items say and what they listen to permuted among items, each by itself."""
        events, candidates = rng.permutation(self.n_items), rng.permutation(self.n_items)
        return replace(
            self,
            event_table=np.ascontiguousarray(self.event_table[events]),
            candidate_table=np.ascontiguousarray(self.candidate_table[candidates]),
            bias=np.ascontiguousarray(self.bias[candidates]),
            links=self.links.permuted(events, candidates),
        )

    @property
    def _arrays(self) -> session_kernels.Model:
        links = self.links.items, self.links.weights, self.links.curve
        return self.event_table, self.candidate_table, self.bias, self.lag_curve, links

    def save(self, path: Path) -> None:
        """Write the arrays as an uncompressed npz without pickle."""
        tables = {name: getattr(self, name) for name in _TABLES}
        links = {f"link_{name}": array for name, array in vars(self.links).items()}
        with path.open("wb") as stream:
            np.savez(stream, format=np.array(FORMAT), **tables, **links)

    @classmethod
    def load(cls, path: Path) -> "SessionModel":
        """Read what `save` wrote, or a model from before there were links; UnsupportedModelError for any other file."""
        try:
            with np.load(path, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
        except (ValueError, OSError, EOFError, BadZipFile) as error:
            raise UnsupportedModelError(f"{path} is not a saved session model: {error}") from error
        named = {FORMAT: _TABLES + _LINKS, FORMAT_WITHOUT_LINKS: _TABLES}.get(str(arrays.pop("format", "")))
        if named is None or set(arrays) != set(named):
            raise UnsupportedModelError(f"{path} is not a session model of format {FORMAT}")
        links = Links(*(arrays[name] for name in _LINKS)) if named[len(_TABLES) :] else Links.none()
        return cls(**{name: arrays[name] for name in _TABLES}, links=links)


def attention(contributions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each event's share of the absolute contribution, [n, L]; a row sums to 1, or is 0 throughout."""
    size: NDArray[np.float64] = np.abs(contributions)
    total: NDArray[np.float64] = size.sum(axis=-1, keepdims=True)
    return np.divide(size, total, out=np.zeros_like(size), where=total > 0)

