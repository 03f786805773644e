"""Claims as form and values: any comes back, what is in the rankings is not stored twice."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from streamrec_explain.audit_log.table.claim_columns import FlatClaims, claims_of, flat_claims
from streamrec_explain.records import Claim

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
NUMBER = st.sampled_from([0.0, -0.0, 0.5, 1.5, -0.25])
VALUE = st.one_of(NUMBER, st.integers(-(2**63), 2**63 - 1), TEXT, st.none(), st.lists(TEXT, max_size=3).map(tuple))
CLAIMS = st.lists(st.builds(Claim, TEXT, st.booleans(), st.dictionaries(TEXT, VALUE, max_size=9)), max_size=3)
Ranking = list[tuple[str, float]]
PAIRS = st.lists(st.tuples(TEXT, NUMBER), max_size=3)

SHAP = (("affinity", 0.7), ("session_score", 0.4), ("freshness", -0.1))
ATTENTION = (("v1", 0.6), ("v2", 0.2))
WATCHED = Claim(
    "watch_history",
    True,
    {"items": ("v1", "v2"), "least": 0.6, "margin": 0.22, "session_score_shap": 0.4, "removal": "others_stay"},
)


@settings(deadline=None)
@given(CLAIMS, PAIRS, PAIRS)
def test_any_claims_come_back(
    claims: list[Claim], shap: list[tuple[str, float]], seen: list[tuple[str, float]]
) -> None:
    """Also with more evidence than there are columns, with names and texts of any kind, and with the sign of zero."""
    back = claims_of(flat_claims(claims, shap, seen), shap, seen)
    assert repr(tuple(claims)) == repr(back)


def test_what_the_rankings_hold_is_named_there() -> None:
    """The named items are the attended ones, and the session score's SHAP value is the second: neither is stored."""
    flat = flat_claims([WATCHED], SHAP, ATTENTION)
    assert (("others_stay",), (), (0.6, 0.22)) == (flat.texts, flat.integers, flat.numbers)
    ((_, _, evidence),) = json.loads(flat.form)
    assert {"items": "attention_2", "session_score_shap": "shap_2", "margin": "number"}.items() <= dict(
        evidence
    ).items()


def test_other_items_are_stored() -> None:
    """The same items in another order are not the attended ones."""
    flat = flat_claims([WATCHED], SHAP, ATTENTION[::-1])
    assert ("others_stay", "v1", "v2") == flat.texts
    assert (WATCHED,) == claims_of(flat, SHAP, ATTENTION[::-1])


def test_the_rest_goes_through_a_row() -> None:
    """Four texts, four integers and six numbers: one of each is beyond the columns."""
    claim = Claim(
        "many", False, {"t": tuple("abcd")} | {f"i{n}": n for n in range(4)} | {f"n{n}": n / 2 for n in range(6)}
    )
    flat = flat_claims([claim], (), ())
    row = {"claims": flat.form, "claim_rest": flat.rest}
    for stem, values, places in (("text", flat.texts, 3), ("integer", flat.integers, 3), ("number", flat.numbers, 5)):
        row |= {f"claim_{stem}_{place}": values[place - 1] for place in range(1, places + 1)}
    assert (claim,) == claims_of(FlatClaims.of_row(row), (), ())
    assert flat_claims([WATCHED], SHAP, ATTENTION).rest is None
