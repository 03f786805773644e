"""Audit requests for tests: plain ones by number, and a Hypothesis strategy for arbitrary ones."""

from hypothesis import strategies as st

from streamrec_explain.records import AuditEntry, AuditRequest, Claim

DAY_MS = 86_400_000
START_MS = 1_767_225_600_000  # 2026-01-01 UTC


def entry(position: int = 0, **changed: object) -> AuditEntry:
    """An entry whose numbers depend on its position and are no float32 values."""
    fields: dict[str, object] = {
        "item_id": f"item-{position}",
        "position": position,
        "ranking_score": 0.1 + position,
        "reranking_score": -1 / (3 + position),
        "explanation_type": "watch_history" if position % 2 else "trending",
        "explanation_text_hash": f"{position:016x}",
        "template": "watch_history.two",
        "shap_top_3": (("user_avg_watch_time", 0.1), ("item_category", -0.2), ("item_freshness_days", 0.3)),
        "attention_top_2": (("item-90", 0.7), ("item-91", 0.1)),
        "claims": (Claim("moved", True, {"margin": 0.1, "rank": 1, "items": ("a", "b"), "none": None}),),
        "flags": (),
        "would_be_type": None,
        "propensity": None,
        "computation_time_ms": 0.123,
        "inputs": bytes([position % 256]) * 8,
    }
    return AuditEntry(**{**fields, **changed})  # type: ignore[arg-type]


def request(number: int = 0, *, items: int = 3, **changed: object) -> AuditRequest:
    """The request of that number: ten of them per user, one second apart."""
    fields: dict[str, object] = {
        "request_id": f"request-{number}",
        "timestamp_ms": START_MS + 1000 * number,
        "user_id_hash": f"{number // 10:032x}",
        "key_id": "k1",
        "region": ("US", "EU", "JP")[number % 3],
        "locale": "en",
        "policy": "honest",
        "model_version": "streamrec-release/1@00000000",
        "trend_digest": "t" * 64,
        "user_snapshot_digest": "u" * 64,
        "inputs": b"request-inputs-%d" % number,
        "entries": tuple(entry(position) for position in range(items)),
    }
    return AuditRequest(**{**fields, **changed})  # type: ignore[arg-type]


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_NAME = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)
_NUMBER = st.floats(allow_nan=False, width=64, min_value=-1e30, max_value=1e30)
_EVIDENCE = st.one_of(_NUMBER, st.integers(-(2**63), 2**63 - 1), _TEXT, st.none(), st.lists(_TEXT).map(tuple))
_CLAIMS = st.lists(
    st.builds(Claim, kind=_TEXT, verdict=st.booleans(), evidence=st.dictionaries(_TEXT, _EVIDENCE, max_size=3)),
    max_size=2,
).map(tuple)


def _entries(position: int) -> st.SearchStrategy[AuditEntry]:
    return st.builds(
        AuditEntry,
        item_id=_TEXT,
        position=st.just(position),
        ranking_score=_NUMBER,
        reranking_score=_NUMBER,
        explanation_type=_TEXT,
        explanation_text_hash=_TEXT,
        template=_TEXT,
        shap_top_3=st.lists(st.tuples(_TEXT, _NUMBER), max_size=4).map(tuple),
        attention_top_2=st.lists(st.tuples(_TEXT, _NUMBER), max_size=3).map(tuple),
        claims=_CLAIMS,
        flags=st.lists(_TEXT, max_size=2).map(tuple),
        would_be_type=st.none() | _TEXT,
        propensity=st.none() | st.floats(0, 1),
        computation_time_ms=st.floats(0, 1e6),
        inputs=st.binary(max_size=20),
    )


@st.composite
def requests(draw: st.DrawFn) -> AuditRequest:
    """Any request that the journal accepts: hostile names, positions in any order, optional fields missing."""
    positions = draw(st.lists(st.integers(0, 32_767), min_size=1, max_size=4, unique=True))
    return AuditRequest(
        request_id=draw(_NAME),
        timestamp_ms=draw(st.integers(0, 4_000_000_000_000)),
        user_id_hash=draw(_TEXT),
        key_id=draw(_TEXT),
        region=draw(_NAME),
        locale=draw(_TEXT),
        policy=draw(_TEXT),
        model_version=draw(_TEXT),
        trend_digest=draw(_TEXT),
        user_snapshot_digest=draw(_TEXT),
        inputs=draw(st.binary(max_size=20)),
        entries=tuple(draw(_entries(position)) for position in positions),
    )
