"""The frozen values of the explanation path: what comes in, what is said, what is logged.

They are `msgspec.Struct`s, not dataclasses: a list of 20 makes about 150 of them, which costs
15 microseconds as structs and 200 as frozen dataclasses, and msgspec encodes them without reflection.
"""

from collections.abc import Mapping

import msgspec

AUDIT_SCHEMA_VERSION = 2  # 1 kept every input as a value, also those resolved from a trend snapshot

EXPLANATION_TYPES = (
    "watch_history",
    "category_match",
    "trending",
    "personalized",
    "promoted",
    "generic",
)

Evidence = Mapping[str, float | int | str | tuple[str, ...] | None]


class HistoryEvent(msgspec.Struct, frozen=True, gc=False):
    """One past interaction of the user.

    `sequence` is the number the event got when it was written (1 for the user's first); deleting another
    event never changes it. `timestamp_ms` is Unix milliseconds, or None where the caller does not know.
    """

    item_id: str
    sequence: int
    timestamp_ms: int | None = None


class Promotion(msgspec.Struct, frozen=True, gc=False):
    """A paid boost: `boost` (log-odds) was added to the re-ranker's raw score before the list was sorted."""

    sponsor: str
    boost: float


class ListItem(msgspec.Struct, frozen=True):
    """One recommended item of a list as the recommendation service ranked it.

    `ranking_score` is the session model's score, `reranking_score` the re-ranker's raw score (log-odds)
    without the boost. `item_features` holds the resolved values of the item group, by name; NaN is missing.
    `item_facts` holds what the trend snapshot says of the item in this market (see `features.snapshots`).
    """

    item_id: str
    position: int
    ranking_score: float
    reranking_score: float
    item_features: Mapping[str, float]
    item_facts: Mapping[str, float] = {}
    promotion: Promotion | None = None


class ListContext(msgspec.Struct, frozen=True):
    """Everything the explanation of one list depends on besides the release: the replayable input."""

    request_id: str
    user_id_hash: str
    region: str
    locale: str
    timestamp_ms: int
    session_history: tuple[HistoryEvent, ...]
    user_features: Mapping[str, float]
    items: tuple[ListItem, ...]


class RecommendationContext(msgspec.Struct, frozen=True):
    """Full context of one recommendation to be explained (the case study's unit; a list of one)."""

    user_id_hash: str
    recommended_item_id: str
    session_history: tuple[HistoryEvent, ...]
    user_features: Mapping[str, float]
    item_features: Mapping[str, float]
    ranking_score: float
    reranking_score: float
    position: int
    region: str = "unknown"
    locale: str = "en"
    timestamp_ms: int = 0
    request_id: str = "single"
    promotion: Promotion | None = None


class Claim(msgspec.Struct, frozen=True, gc=False):
    """A checkable statement behind a sentence: its kind, the numbers that decide it, and the verdict."""

    kind: str
    verdict: bool
    evidence: Evidence


class Control(msgspec.Struct, frozen=True, gc=False):
    """Something the user could turn off: `kind` is item, category, creator, history or personalisation."""

    kind: str
    target: str
    label: str


class ExplanationSignals(msgspec.Struct, frozen=True):
    """Raw signals of one item, before any sentence is chosen (the case study's ExplanationSignals).

    Shares are fractions of the absolute SHAP mass per feature group and sum to 1 unless every value is 0.
    `attention_top_items` holds (item id, share of the absolute history contribution), largest first.
    """

    shap_top_features: tuple[tuple[str, float], ...]
    shap_dominant_category: str | None
    shap_user_share: float
    shap_item_share: float
    shap_cross_share: float
    session_score_shap: float
    attention_top_items: tuple[tuple[str, float], ...]
    attention_recency_bias: float
    attention_category_match: float
    item_popularity_percentile: float
    item_is_trending: bool
    user_region: str


class Explanation(msgspec.Struct, frozen=True):
    """One explained recommendation: the sentence, the claims that make it true, what the user can change."""

    explanation_id: str
    item_id: str
    position: int
    text: str
    explanation_type: str
    template: str
    claims: tuple[Claim, ...]
    controls: tuple[Control, ...]
    shap_top_features: tuple[tuple[str, float], ...]
    attention_top_items: tuple[tuple[str, float], ...]
    flags: tuple[str, ...] = ()
    would_be_type: str | None = None
    propensity: float | None = None


class AuditEntry(msgspec.Struct, frozen=True, gc=False):
    """What the audit log keeps of one explanation (one row of the audit table, with its request's fields)."""

    item_id: str
    position: int
    ranking_score: float
    reranking_score: float
    explanation_type: str
    explanation_text_hash: str
    template: str
    shap_top_3: tuple[tuple[str, float], ...]
    attention_top_2: tuple[tuple[str, float], ...]
    claims: tuple[Claim, ...]
    flags: tuple[str, ...]
    would_be_type: str | None
    propensity: float | None
    computation_time_ms: float
    inputs: bytes


class AuditRequest(msgspec.Struct, frozen=True, gc=False):
    """One answered list: the unit the journal stores and the shipper moves.

    `inputs` (msgpack) holds the history and user features once; each entry's `inputs` what belongs to its
    item alone (`explanation.audit_inputs`). Together with the release and the trend snapshot of `trend_digest`
    they replay every sentence of the list.
    """

    request_id: str
    timestamp_ms: int
    user_id_hash: str
    key_id: str
    region: str
    locale: str
    policy: str
    model_version: str
    trend_digest: str
    user_snapshot_digest: str
    inputs: bytes
    entries: tuple[AuditEntry, ...]
    schema_version: int = AUDIT_SCHEMA_VERSION


def explanation_id(request_id: str, position: int) -> str:
    """The id of the explanation at `position` of a request: derived, so that a retry gets the same one."""
    return f"{request_id}.{position}"


def split_explanation_id(identifier: str) -> tuple[str, int]:
    """Take an explanation id apart into (request id, position); ValueError if it is not one."""
    request_id, _, position = identifier.rpartition(".")
    # int() also reads "01" and the digits of other scripts: an explanation would have more than one id.
    if not request_id or not position.isdecimal() or position != str(int(position)):
        raise ValueError(f"not an explanation id: {identifier!r}; expected REQUEST.POSITION")
    return request_id, int(position)
