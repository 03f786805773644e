"""The reference session model as it is served: a SASRec-like causal transformer, scored from plain arrays.

    score(c) = b_c + <summary of the history, u_c>

The summary is the top block's output at the latest event (Kang & McAuley 2018). Positions are distances between
events, so removing one moves no other; but attention is normalised over the history, so what an event adds is known
only by removing it and running again. That is what `effects` does, for every group of events, in one pass.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamrec_explain.attribution.removal import EventGroups
from streamrec_explain.errors import UnsupportedModelError
from streamrec_explain.models import transformer_kernels
from streamrec_explain.models.session_histories import flat_histories, item_codes, one_history, paired_candidates
from streamrec_explain.models.session_protocol import HistoryEffects

FORMAT = "transformer-session-model/1"

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int32 = NDArray[np.int32]


@dataclass(frozen=True, repr=False)
class TransformerModel:
    """Arrays of a trained transformer, float32; item codes are rows of the catalogue.

    event_table [n_items, D], what an event brings; candidate_table [n_items, D] and bias [n_items], centred.
    projections [Y, 4, D + 1, D]: query, key, value and output of each layer, the last row its bias; expand
    [Y, D + 1, F] and shrink [Y, F + 1, D] of the inner layer. norms [Y, 2, 2, D] and final_norm [2, D]: scale and
    shift. distance_bias [Y, heads, max_lag]: what the distance of two events adds to their attention.
    """

    event_table: Float32
    candidate_table: Float32
    bias: Float32
    projections: Float32
    expand: Float32
    shrink: Float32
    norms: Float32
    final_norm: Float32
    distance_bias: Float32

    def __post_init__(self) -> None:
        for name, shape in self._shapes().items():
            array: Float32 = getattr(self, name)
            if array.dtype != np.float32 or array.shape != shape or not array.flags.c_contiguous:
                raise UnsupportedModelError(
                    f"transformer: {name} must be contiguous float32 {shape}, got {array.dtype} {array.shape}"
                )
            if not np.isfinite(array).all():
                raise UnsupportedModelError(f"transformer: {name} holds NaN or infinity")
        width, heads, inner = self.event_table.shape[1], self.distance_bias.shape[1], self.expand.shape[2]
        if heads < 1 or width % (4 * heads) or inner % 4 or self.max_lag < 1:
            raise UnsupportedModelError(
                f"transformer: width {width} of {heads} heads, inner width {inner}: each part must be a multiple of 4"
            )

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each array, as the tables and the first of each kind say."""
        try:
            (items, width), (layers, heads, lags), inner = (
                self.event_table.shape, self.distance_bias.shape, self.expand.shape[2],
            )  # fmt: skip
        except (ValueError, IndexError) as error:
            raise UnsupportedModelError(f"transformer: arrays of other dimensions: {error}") from error
        return {
            "event_table": (items, width),
            "candidate_table": (items, width),
            "bias": (items,),
            "projections": (layers, 4, width + 1, width),
            "expand": (layers, width + 1, inner),
            "shrink": (layers, inner + 1, width),
            "norms": (layers, 2, 2, width),
            "final_norm": (2, width),
            "distance_bias": (layers, heads, lags),
        }

    @property
    def n_items(self) -> int:
        """Size of the catalogue the model was trained on."""
        return self.bias.size

    @property
    def max_lag(self) -> int:
        """The furthest lag that counts."""
        return int(self.distance_bias.shape[2])

    def scores(self, history: ArrayLike, lags: ArrayLike, candidates: ArrayLike) -> Float64:
        """Score of each candidate, float64 [n]: independent, bit for bit, of the other candidates.

        `history` and `lags` are [L] item codes and lags >= 1, the most recent last; without history the score is
        the bias, and an unknown candidate (-1) scores 0.
        """
        seen, seen_lags = self._seen(*one_history(history, lags))
        summary, _ = transformer_kernels.summarise(self._weights, self._events, seen, seen_lags)
        return np.asarray(self._scores(summary[None], item_codes(candidates))[0])

    def paired_scores(self, events: ArrayLike, lags: ArrayLike, ranges: ArrayLike, candidates: ArrayLike) -> Float64:
        """Scores of M (history, candidate) pairs over flat arrays of events and lags: float64 [M], equal to `scores`.

        Pair m's history is [ranges[m, 0]:ranges[m, 1]] of both.
        """
        codes, places, flat = flat_histories(events, lags, ranges)
        wanted = paired_candidates(candidates, flat)
        distinct, rows = np.unique(flat, axis=0, return_inverse=True)
        summaries = np.zeros((len(distinct), self.event_table.shape[1]))
        for row, (start, stop) in enumerate(distinct.tolist()):
            seen = self._seen(codes[start:stop], places[start:stop])
            summaries[row], _ = transformer_kernels.summarise(self._weights, self._events, *seen)
        return np.asarray(transformer_kernels.scores(*self._candidates, summaries, rows, wanted))

    def effects(
        self, history: ArrayLike, lags: ArrayLike, candidates: ArrayLike, groups: EventGroups
    ) -> HistoryEffects:
        """Really remove each group of events and score again; attention is the top layer's, mean over heads."""
        events, places = one_history(history, lags)
        counts, wanted = self._counts(events, places), item_codes(candidates)
        summaries = transformer_kernels.summaries_without(
            self._weights, self._events, events[counts], places[counts], groups.group_of[counts], len(groups.codes)
        )
        with_all, *without = self._scores(summaries, wanted)
        alone = self._scores(np.zeros_like(summaries[:1]), wanted)[0]
        drops = np.array([with_all - each for each in without]).reshape(len(without), wanted.size).T
        attention = self._top_attention(events, places, wanted)
        return HistoryEffects(np.ascontiguousarray(drops), with_all - alone, attention)

    def attention(self, history: ArrayLike, lags: ArrayLike) -> Float64:
        """Attention of each event (second last axis) to those up to itself, mean over heads: [Y, L, L].

        The events must be known and within max_lag. Of the top layer only the latest event's row is filled, since
        the score reads nothing else.
        """
        events, places = one_history(history, lags)
        return np.asarray(transformer_kernels.summarise(self._weights, self._events, events, places)[1])

    def scores_after(
        self, events: ArrayLike, sequence: ArrayLike, ranges: ArrayLike, candidates: ArrayLike
    ) -> Float64:
        """Scores of M (history, candidate) pairs over flat event arrays: float64 [M], equal to `scores`.

        Pair m's history is events[ranges[m, 0]:ranges[m, 1]] (codes, with rising `sequence` numbers); pairs
        with the same history cost least when they stand together.
        """
        flat = flat_histories(events, sequence, ranges)
        wanted = paired_candidates(candidates, flat[2])
        summaries = transformer_kernels.summaries_after(self._weights, self._events, *flat)
        pairs = np.arange(len(wanted))
        return np.asarray(transformer_kernels.scores(*self._candidates, summaries, pairs, wanted))

    def catalogue_scores(self, events: ArrayLike, sequence: ArrayLike, ranges: ArrayLike) -> Float32:
        """Scores of the whole catalogue after each of M histories: float32 [M, n_items].

        Made for ranking: one matrix product, equal to `scores` within float32 rounding but not bit for bit.
        """
        flat = flat_histories(events, sequence, ranges)
        summaries = transformer_kernels.summaries_after(self._weights, self._events, *flat).astype(np.float32)
        return np.asarray(summaries @ self.candidate_table.T + self.bias, dtype=np.float32)

    def permuted(self, rng: np.random.Generator) -> "TransformerModel":
        """The model with its event table and its candidate table permuted among items, each by itself."""
        events, candidates = rng.permutation(self.n_items), rng.permutation(self.n_items)
        return replace(
            self,
            event_table=np.ascontiguousarray(self.event_table[events]),
            candidate_table=np.ascontiguousarray(self.candidate_table[candidates]),
            bias=np.ascontiguousarray(self.bias[candidates]),
        )

    def save(self, path: Path) -> None:
        """Write the arrays as an uncompressed npz without pickle."""
        with path.open("wb") as stream:
            np.savez(stream, format=np.array(FORMAT), **{name: getattr(self, name) for name in _ARRAYS})

    @classmethod
    def load(cls, path: Path) -> "TransformerModel":
        """Read what `save` wrote; UnsupportedModelError for any other file."""
        try:
            with np.load(path, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
        except (ValueError, OSError, EOFError, BadZipFile) as error:
            raise UnsupportedModelError(f"{path} is not a saved session model: {error}") from error
        if str(arrays.pop("format", "")) != FORMAT or set(arrays) != set(_ARRAYS):
            raise UnsupportedModelError(f"{path} is not a session model of format {FORMAT}")
        return cls(**arrays)

    def _counts(self, events: Int32, lags: Int32) -> NDArray[np.bool_]:
        """Which events take part in the score at all: known items within the horizon."""
        counts: NDArray[np.bool_] = (events >= 0) & (events < self.n_items) & (lags >= 1) & (lags <= self.max_lag)
        return counts

    def _seen(self, events: Int32, lags: Int32) -> tuple[Int32, Int32]:
        counts = self._counts(events, lags)
        return events[counts], lags[counts]

    def _scores(self, summaries: Float64, candidates: Int32) -> Float64:
        """Score of every candidate after every summary, [M, n]."""
        m, n = len(summaries), candidates.size
        rows, wanted = np.repeat(np.arange(m), n), np.tile(candidates, m)
        return np.asarray(transformer_kernels.scores(*self._candidates, summaries, rows, wanted)).reshape(m, n)

    def _top_attention(self, events: Int32, lags: Int32, candidates: Int32) -> Float64:
        """The latest event's attention in the top layer, the same for every known candidate: [n, L]."""
        counts = self._counts(events, lags)
        row = np.zeros(events.size)
        if counts.any():
            row[counts] = self.attention(events[counts], lags[counts])[-1, -1]
        known = (candidates >= 0) & (candidates < self.n_items)
        return np.asarray(np.where(known[:, None], row, 0.0))

    @cached_property
    def _weights(self) -> transformer_kernels.Weights:
        wide = (getattr(self, name).astype(np.float64) for name in transformer_kernels.WEIGHTS)
        return tuple(wide)  # type: ignore[return-value]

    @cached_property
    def _events(self) -> Float64:
        return self.event_table.astype(np.float64)

    @cached_property
    def _candidates(self) -> tuple[Float64, Float64]:
        return self.candidate_table.astype(np.float64), self.bias.astype(np.float64)


_ARRAYS = tuple(TransformerModel.__dataclass_fields__)
