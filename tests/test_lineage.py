"""Lineage: the document has the shape of the OpenLineage specification (2-0-2), and says what the trace says.

The shape is written down here by hand from the specification: required fields, formats, and that every facet has
`_producer` and `_schemaURL`.
"""

import re
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from streamrec_explain.lineage import run_event, run_uuid
from streamrec_explain.records import Claim
from streamrec_explain.trace import Trace, TracedComponent, TracedRelease, TracedRun

RUN_ID = "819b5e85d9e149d0ba3d8203b30268c6"


def release() -> TracedRelease:
    """A release with one model from one run."""
    return TracedRelease(
        model_version="streamrec-release/3@0123abcd",
        digest="d" * 64,
        files={"reranker.txt": "f" * 64},
        components=(TracedComponent("streamrec-reranker", 7, "c" * 64, RUN_ID),),
        runs=(TracedRun("reranker", RUN_ID, "FINISHED", "d-1", {"synthetic": "a" * 64}),),
        dagster_run="2d4b3ed9-3dbb-43cc-8635-0c1a8b9a7840",
        world="synthetic",
        data={"impressions": "a" * 64},
        git_commit="c0ffee",
        feature_spec="b" * 64,
        libraries={"numpy": "2.4"},
    )


def traced(**changes: Any) -> Trace:
    """A trace with every link."""
    found = Trace(
        explanation_id="home-7f3b.0", found_in="cold", request_id="home-7f3b", timestamp_ms=1_700_000_000_123,
        user_id_hash="u" * 32, key_id="k1", region="EU", locale="en", policy="honest", item_id="v1", position=0,
        explanation_type="watch_history", explanation_text_hash="0" * 16, template="watch_history.one",
        claims=(Claim("watch_history", True, {"items": ("v2",)}),), flags=(), shap_top_3=(), attention_top_2=(),
        computation_time_ms=0.1, trend_digest="t" * 64, user_snapshot_digest="s" * 64, history=("v2",),
        release=release(), unresolved=(),
    )  # fmt: skip
    return msgspec.structs.replace(found, **changes)


def document(trace: Trace) -> dict[str, Any]:
    """The event as a tool reads it."""
    decoded: dict[str, Any] = msgspec.json.decode(run_event(trace, "1.2.3").to_json())
    return decoded


def check_shape(event: Mapping[str, Any]) -> None:
    """RunEvent: the required fields with their formats, nothing undeclared at the top."""
    assert {"eventTime", "producer", "schemaURL", "run", "job"} <= set(event)
    assert set(event) <= {"eventType", "eventTime", "producer", "schemaURL", "run", "job", "inputs", "outputs"}
    assert event["eventType"] in ("START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER")
    assert datetime.fromisoformat(event["eventTime"]).tzinfo is not None
    assert event["schemaURL"] == "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
    check_uri(event["producer"])
    assert str(uuid.UUID(event["run"]["runId"])) == event["run"]["runId"]
    check_facets(event["run"].get("facets", {}))
    check_named(event["job"])
    for side in ("inputs", "outputs"):
        for dataset in event.get(side, []):
            check_named(dataset)
            check_facets(dataset.get(f"{side[:-1]}Facets", {}))


def check_named(thing: Mapping[str, Any]) -> None:
    """Job and Dataset: namespace and name, and facets."""
    assert thing["namespace"] and thing["name"]
    assert all(isinstance(thing[field], str) for field in ("namespace", "name"))
    check_facets(thing.get("facets", {}))


def check_facets(facets: Mapping[str, Any]) -> None:
    """BaseFacet: who made it and by which schema; a custom facet's name begins with its producer's prefix."""
    for name, facet in facets.items():
        check_uri(facet["_producer"])
        check_uri(facet["_schemaURL"])
        assert re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_]*", name)
        assert name == "version" or name.startswith("streamrec_")
        assert {field for field in facet if field.startswith("_")} == {"_producer", "_schemaURL"}
    if "version" in facets:
        assert isinstance(facets["version"]["datasetVersion"], str)


def check_uri(text: str) -> None:
    """An absolute URI."""
    assert urlsplit(text).scheme in ("https", "urn") and " " not in text


@pytest.mark.parametrize(
    "changes",
    [{}, {"release": None, "unresolved": ("release gone",)}, {"trend_digest": "", "user_snapshot_digest": ""}],
    ids=["whole", "release gone", "no snapshots"],
)
def test_the_shape_is_that_of_the_specification(changes: dict[str, Any]) -> None:
    """Whatever could be traced."""
    check_shape(document(traced(**changes)))


def test_a_broken_document_does_not_pass() -> None:
    """The check itself can fail: without a run id, with a facet of nobody, with a relative producer."""
    for spoil in ("run", "facet", "producer"):
        event = document(traced())
        if spoil == "run":
            event["run"]["runId"] = "not-a-uuid"
        elif spoil == "facet":
            del event["inputs"][0]["facets"]["version"]["_producer"]
        else:
            event["producer"] = "streamrec"
        with pytest.raises((AssertionError, KeyError, ValueError)):
            check_shape(event)


def test_it_says_what_the_trace_says() -> None:
    """When, by what, from what; the claims stand in the run's own facet."""
    event = document(traced())
    assert ("COMPLETE", "2023-11-14T22:13:20.123+00:00") == (event["eventType"], event["eventTime"])
    assert "urn:streamrec-explain:1.2.3" == event["producer"]
    said = event["run"]["facets"]["streamrec_explanation"]
    assert ("watch_history", [{"kind": "watch_history", "verdict": True, "evidence": {"items": ["v2"]}}]) == (
        said["explanation_type"],
        said["claims"],
    )
    versions = {
        (each["namespace"], each["name"]): each["facets"]["version"]["datasetVersion"] for each in event["inputs"]
    }
    assert {
        ("streamrec:snapshots", "trends"): "t" * 64,
        ("streamrec:snapshots", "users"): "s" * 64,
        ("streamrec:registry", "streamrec-release/3"): "d" * 64,
        ("streamrec:registry", "streamrec-reranker/7"): "c" * 64,
        ("streamrec:events", "synthetic/impressions"): "a" * 64,
    } == versions
    assert ["home-7f3b.0"] == [each["name"] for each in event["outputs"]]


def test_no_personal_identifier_leaves_with_it() -> None:
    """Lineage tools need no pseudonym of the person."""
    assert b"u" * 32 not in run_event(traced(), "1").to_json()


def test_run_ids_are_uuids_and_stable() -> None:
    """MLflow's and Dagster's stay what they are; any other has one of its own, always the same."""
    assert str(uuid.UUID(RUN_ID)) == run_uuid(RUN_ID)
    assert run_uuid("home-7f3b.0") == run_uuid("home-7f3b.0") != run_uuid("home-7f3b.1")


def test_equal_traces_give_equal_documents() -> None:
    """Byte for byte."""
    assert run_event(traced(), "1").to_json() == run_event(traced(), "1").to_json()
