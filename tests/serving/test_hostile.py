"""Hostile requests through the whole service: extreme values are answered or refused, never a crash."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.app import create_app
from tests.serving.asgi_client import AsgiClient
from tests.serving.deployments import Deployment

NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.0, -0.0, 5e-324, 1.7e308, -1.7e308, 1e-300]),
    st.integers(-(2**63), 2**64),
)
ITEM_IDS = st.sampled_from([*(f"i{code}" for code in range(30)), "unknown", "\x00", "'; --", "🎬" * 50])
TIMES = st.sampled_from([0, 1, 1_699_999_999_999, 1_700_000_000_001, 253_402_214_399_999])
FEATURES = st.dictionaries(
    st.sampled_from(["item_duration_s", "item_category", "item_engaged_count", "item_region_share", "nonsense"]),
    NUMBERS | st.none(),
    max_size=4,
)
USER_FEATURES = st.dictionaries(
    st.sampled_from(["user_session_count", "user_avg_item_popularity", ""]), NUMBERS | st.none(), max_size=3
)
SEQUENCES = st.one_of(st.integers(1, 300), st.sampled_from([1, 2**31, 2**53]))
HISTORY = st.one_of(
    st.lists(ITEM_IDS, max_size=60),
    st.lists(st.fixed_dictionaries({"item_id": ITEM_IDS, "sequence": SEQUENCES, "timestamp_ms": TIMES}), max_size=60),
)
PROMOTION = st.fixed_dictionaries({"sponsor": st.text(min_size=1, max_size=20), "boost": NUMBERS})
ITEM = st.fixed_dictionaries(
    {"item_id": ITEM_IDS, "position": st.integers(0, 32_767), "ranking_score": NUMBERS, "reranking_score": NUMBERS},
    optional={"item_features": FEATURES, "promotion": PROMOTION},
)
BODY = st.fixed_dictionaries(
    {
        "user_id": st.sampled_from(["ann", "nobody", "\x00", "ü" * 200]),
        "region": st.sampled_from(["US", "ALL", "nowhere"]),
        "session_history": HISTORY,
        "items": st.lists(ITEM, min_size=1, max_size=6, unique_by=(lambda i: i["item_id"], lambda i: i["position"])),
    },
    optional={
        "locale": st.sampled_from(["en", "de-AT", "ja_JP", "xx"]),
        "timestamp_ms": TIMES,
        "user_features": USER_FEATURES,
    },
)


@pytest.fixture(scope="module")
def hostile_client(built: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A client whose service is shared by all examples."""
    deployment = built.copied(Path(tmp_path_factory.mktemp("hostile")) / "home")
    service = deployment.service()
    service.slot.poll()
    yield AsgiClient(create_app(service))
    service.close()


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(body=BODY)
def test_extreme_values_are_answered_or_refused(hostile_client: AsgiClient, body: dict[str, Any]) -> None:
    """200 with a sentence per item and no NaN in it, or 422 with the field."""
    response = hostile_client.post("/v1/explanations", content=json.dumps(body))
    if response.status_code == 422:
        assert response.json()["field"]
        return
    said = response.json()["explanations"]
    assert (200, len(body["items"])) == (response.status_code, len(said))
    numbers = [value for each in said for _, value in each["shap_top_features"] + each["attention_top_items"]]
    assert all(isinstance(value, float | int) for value in numbers)


def test_scores_of_any_request_are_true_of_the_release(hostile_client: AsgiClient, built: Deployment) -> None:
    """After all that the service still answers a plain list without a flag."""
    answer = hostile_client.post("/v1/explanations", json=built.asked()).json()
    assert [[]] * 10 == [each["flags"] for each in answer["explanations"]]
