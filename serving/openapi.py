"""OpenAPI of the route that is decoded by msgspec: its schemas and one example of request and answer."""

from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from serving.errors import JSON, Failure
from serving.wire import AskedList, SaidList

_REFERENCE = "#/components/schemas/{name}"

EXAMPLE_REQUEST: dict[str, Any] = {
    "request_id": "home-7f3a",
    "user_id": "user-42",
    "region": "DE",
    "locale": "en",
    "session_history": ["item-7", {"item_id": "item-12"}],
    "items": [
        {"item_id": "item-3", "position": 0, "ranking_score": 1.25, "reranking_score": 0.75},
        {
            "item_id": "item-9",
            "position": 1,
            "ranking_score": 0.5,
            "reranking_score": -0.25,
            "item_features": {"item_duration_s": None},
            "promotion": {"sponsor": "Acme", "boost": 0.5},
        },
    ],
}
EXAMPLE_ANSWER: dict[str, Any] = {
    "model_version": "streamrec-release/13@bdf93200",
    "request_id": "home-7f3a",
    "explanations": [
        {
            "explanation_id": "home-7f3a.0",
            "item_id": "item-3",
            "position": 0,
            "text": "Because you watched \u201cThe Long Night\u201d",
            "explanation_type": "watch_history",
            "claims": [{"kind": "watch_history", "verdict": True, "evidence": {"items": ["item-7"], "margin": 0.22}}],
            "controls": [{"kind": "history", "target": "item-7", "label": "Remove \u201cThe Long Night\u201d"}],
            "shap_top_features": [["collaborative_similarity_score", 0.61]],
            "attention_top_items": [["item-7", 0.8]],
            "flags": [],
            "computation_time_ms": 0.03,
        }
    ],
}


def _content(name: str, example: dict[str, Any] | None = None) -> dict[str, Any]:
    media: dict[str, Any] = {"schema": {"$ref": _REFERENCE.format(name=name)}}
    return {JSON: {**media, "example": example} if example else media}


def _failed(description: str) -> dict[str, Any]:
    return {"description": description, "content": _content("Failure")}


EXPLAIN_OPERATION: dict[str, Any] = {
    "requestBody": {"required": True, "content": _content("AskedList", EXAMPLE_REQUEST)},
    "responses": {
        "200": {
            "description": "One explanation per item; the same again for a request_id that was answered before.",
            "content": _content("SaidList", EXAMPLE_ANSWER),
            "headers": {"X-Model-Version": {"schema": {"type": "string"}, "description": "The release that answered."}},
        },
        "400": _failed("The body is not JSON."),
        "408": _failed("The body did not arrive in time."),
        "413": _failed("The body is too large."),
        "422": _failed("A field is wrong; `field` names it."),
        "503": _failed("No release, a full journal or too many requests; ask again after Retry-After seconds."),
    },
}


def with_wire_schemas(app: FastAPI) -> None:
    """Let the app's OpenAPI document hold the schemas of the wire, which FastAPI does not see."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
            _, wire = msgspec.json.schema_components((AskedList, SaidList, Failure), ref_template=_REFERENCE)
            made.setdefault("components", {}).setdefault("schemas", {}).update(wire)
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]
