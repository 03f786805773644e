"""Claims as form and values: any comes back, what is in the rankings is not stored twice."""

import json
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from streamrec_explain.audit_log.table.claim_columns import claim_columns, claims_of
from streamrec_explain.audit_log.table.rankings import Rankings
from streamrec_explain.records import Claim

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
NUMBER = st.sampled_from([0.0, -0.0, 0.5, 1.5, -0.25])
VALUE = st.one_of(NUMBER, st.integers(-(2**63), 2**63 - 1), TEXT, st.none(), st.lists(TEXT, max_size=3).map(tuple))
CLAIMS = st.lists(st.builds(Claim, TEXT, st.booleans(), st.dictionaries(TEXT, VALUE, max_size=9)), max_size=3)
Pairs = tuple[tuple[str, float], ...]
Entry = tuple[list[Claim], Pairs, Pairs]
PAIRS = st.lists(st.tuples(TEXT, NUMBER), max_size=3).map(tuple)
ENTRIES = st.lists(st.tuples(CLAIMS, PAIRS, PAIRS), max_size=4)

SHAP = (("affinity", 0.7), ("session_score", 0.4), ("freshness", -0.1))
ATTENTION = (("v1", 0.6), ("v2", 0.2))
WATCHED = Claim(
    "watch_history",
    True,
    {"items": ("v1", "v2"), "least": 0.6, "margin": 0.22, "session_score_shap": 0.4, "removal": "others_stay"},
)


def rows_of(entries: list[Entry]) -> list[dict[str, Any]]:
    """The claim columns of entries given as claims, SHAP values and attended items, as a dict per row."""
    shap, attention = Rankings.of([each for _, each, _ in entries]), Rankings.of([each for _, _, each in entries])
    columns = claim_columns([each for each, _, _ in entries], shap, attention)
    return [{name: column[row].as_py() for name, column in columns.items()} for row in range(len(entries))]


@settings(deadline=None)
@given(ENTRIES)
def test_any_claims_come_back(entries: list[Entry]) -> None:
    """Also with more evidence than there are columns, with names and texts of any kind, and with the sign of zero."""
    back = [claims_of(row, shap, seen) for row, (_, shap, seen) in zip(rows_of(entries), entries, strict=True)]
    assert repr([tuple(claims) for claims, _, _ in entries]) == repr(back)


def test_what_the_rankings_hold_is_named_there() -> None:
    """The named items are the attended ones, and the session score's SHAP value is the second: neither is stored."""
    (row,) = rows_of([([WATCHED], SHAP, ATTENTION)])
    stored = {name: value for name, value in row.items() if value is not None and name != "claims"}
    assert ["claim_number_1", "claim_number_2", "claim_text_1"] == sorted(stored)
    assert "others_stay" == stored["claim_text_1"]
    ((_, _, evidence),) = json.loads(row["claims"])
    assert {"items": "attention_2", "session_score_shap": "shap_2", "margin": "number"}.items() <= dict(
        evidence
    ).items()


def test_other_items_are_stored() -> None:
    """The same items in another order are not the attended ones, nor are those of the next entry."""
    for attention in (ATTENTION[::-1], ATTENTION[:1]):
        first, _ = rows_of([([WATCHED], SHAP, attention), ([WATCHED], SHAP, ATTENTION[1:])])
        assert ["others_stay", "v1", "v2"] == [first[f"claim_text_{place}"] for place in (1, 2, 3)]
        assert first["claim_rest"] is None


def test_what_is_beyond_the_columns_comes_back() -> None:
    """Four texts, four integers and six numbers: one of each is beyond the columns."""
    evidence = {"t": tuple("abcd")} | {f"i{n}": n for n in range(4)} | {f"n{n}": n / 2 for n in range(6)}
    claim = Claim("many", False, evidence)
    rows = rows_of([([], (), ()), ([claim], (), ()), ([WATCHED], SHAP, ATTENTION)])
    assert [True, False, True] == [row["claim_rest"] is None for row in rows]
    assert (["d"], [3], [2.5]) == tuple(msgspec.msgpack.decode(rows[1]["claim_rest"]))
    assert (claim,) == claims_of(rows[1], (), ())
