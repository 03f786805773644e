"""The numbers that decide whether a claim holds: released data, calibrated on held-out lists."""

from math import log

import msgspec

from streamrec_explain.errors import InvalidInputError

LEAST_MARGIN = log(1.25)  # an event that moves the odds by less than a quarter is not worth naming


class Thresholds(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Bounds of the claims; margins in log-odds-like units of the session score.

    `history_margin` is what each of two named items must add, `history_single_margin` (never smaller) what an
    item named alone must add, `personalized_margin` what the whole history must add. `history_raw_margin` is what the
    re-ranker's raw score must lose when it is computed without the named items; None: that is not asked. An item is
    trending with at least `trending_min_count` events in the window, `trending_min_growth` times its baseline, and a
    place within `trending_max_rank` of its market. `score_tolerance` is the largest difference between the caller's
    and the recomputed raw score. The `case_*` bounds are the case study's own and are never calibrated.
    """

    version: str = "uncalibrated"
    history_margin: float = LEAST_MARGIN
    history_single_margin: float = LEAST_MARGIN
    history_raw_margin: float | None = None
    personalized_margin: float = LEAST_MARGIN
    score_tolerance: float = 1e-6
    trending_min_count: float = 10.0
    trending_min_growth: float = 1.5
    trending_max_rank: float = 100.0
    case_attention: float = 0.5
    case_category: float = 0.6
    case_percentile: float = 95.0
    case_trending_rank: float = 100.0

    def __post_init__(self) -> None:
        if self.history_single_margin < self.history_margin:
            raise InvalidInputError("thresholds: history_single_margin is below history_margin")
        if self.history_raw_margin is not None and self.history_raw_margin < 0.0:
            raise InvalidInputError("thresholds: history_raw_margin is negative; leave it out if it is not asked")

    def to_json(self) -> bytes:
        """Indented JSON, the same bytes for the same thresholds."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2)

    @classmethod
    def from_json(cls, data: bytes) -> "Thresholds":
        """Read what `to_json` wrote; InvalidInputError for unknown fields or wrong types."""
        try:
            return msgspec.json.decode(data, type=cls)
        except msgspec.MsgspecError as error:
            raise InvalidInputError(f"thresholds: {error}") from error
