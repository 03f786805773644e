"""Histories as session models take them: item codes with lags or sequence numbers, checked and contiguous."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamrec_explain.errors import InvalidInputError

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]


def item_codes(values: ArrayLike) -> Int32:
    """Item codes as contiguous int32."""
    return np.ascontiguousarray(values, dtype=np.int32)


def one_history(events: ArrayLike, numbers: ArrayLike) -> tuple[Int32, Int32]:
    """Codes [L] and the lag or sequence number of each event [L]; InvalidInputError where they do not fit."""
    codes, places = item_codes(events), item_codes(numbers)
    if codes.ndim != 1 or codes.shape != places.shape:
        raise InvalidInputError(f"a history needs one number per event, got {codes.shape} and {places.shape}")
    return codes, places


def flat_histories(events: ArrayLike, sequence: ArrayLike, ranges: ArrayLike) -> tuple[Int32, Int32, Int64]:
    """Codes and sequence numbers of all events, and the [M, 2] ranges of M histories within them."""
    codes, numbers = one_history(events, sequence)
    spans = np.ascontiguousarray(ranges, dtype=np.int64)
    if spans.ndim != 2 or spans.shape[1] != 2:
        raise InvalidInputError(f"ranges must be [M, 2] (start, end), got shape {spans.shape}")
    if spans.size and (spans.min() < 0 or spans.max() > codes.size or (spans[:, 0] > spans[:, 1]).any()):
        raise InvalidInputError(f"a history reaches outside the {codes.size} events")
    return codes, numbers, spans


def paired_candidates(candidates: ArrayLike, ranges: Int64) -> Int32:
    """One candidate per history, int32 [M]; InvalidInputError for another number of them."""
    codes = item_codes(candidates)
    if codes.size != len(ranges):
        raise InvalidInputError(f"{codes.size} candidates need as many histories, got {len(ranges)}")
    return codes
