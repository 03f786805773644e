"""The HTTP app of the service: its routes, each a thin reading of the service."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.responses import PlainTextResponse

from serving.errors import JSON, map_errors
from serving.middleware import Admission
from serving.openapi import EXPLAIN_OPERATION, with_wire_schemas
from serving.release_slot import Serving
from serving.service import Service

MODEL_VERSION_HEADER = "X-Model-Version"
PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8"


def create_app(service: Service) -> FastAPI:
    """The app of a service; its lifespan starts and closes the service."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.start()
        yield
        service.close()

    app = FastAPI(
        title="StreamRec Explain",
        summary="One true sentence per recommended item.",
        version=version("streamrec-explain"),
        lifespan=lifespan,
    )
    _add_routes(app, service)
    map_errors(app)
    with_wire_schemas(app)
    app.add_middleware(Admission, **_admission(service))
    return app


def _add_routes(app: FastAPI, service: Service) -> None:
    @app.post("/v1/explanations", tags=["explanations"], openapi_extra=EXPLAIN_OPERATION, response_model=None)
    async def explain_list(request: Request) -> Response:
        """Explain a ranked list: one sentence per item, durable in the audit journal before it is answered."""
        answer = await service.explain.answer(await request.body())
        return Response(answer.body, headers={MODEL_VERSION_HEADER: answer.model_version}, media_type=JSON)

    @app.get("/v1/release", tags=["operation"], response_model=None)
    async def release() -> Response:
        """The release that is served, and the snapshots it is served with."""
        serving = service.slot.current()
        headers = {MODEL_VERSION_HEADER: serving.model_version}
        return Response(msgspec.json.encode(_described(serving)), headers=headers, media_type=JSON)

    @app.get("/livez", tags=["operation"])
    async def live() -> PlainTextResponse:
        """The process answers."""
        return PlainTextResponse("ok")

    @app.get("/readyz", tags=["operation"], response_model=None)
    async def ready() -> Response:
        """Whether requests are wanted; 503 says why not, `warnings` what is wrong all the same."""
        found = service.readiness()
        return Response(msgspec.json.encode(found), 200 if found.ready else 503, media_type=JSON)

    @app.get("/metrics", tags=["operation"])
    async def metrics() -> PlainTextResponse:
        """Counts of this worker for Prometheus."""
        return PlainTextResponse(service.metrics.exposition(service.worker.name), media_type=PROMETHEUS_TEXT)


def _described(serving: Serving) -> dict[str, Any]:
    bundle = serving.engine.bundle
    return {
        "model_version": serving.model_version,
        "policy": bundle.policy,
        "locales": sorted(bundle.templates.locales),
        "items": len(bundle.catalogue),
        "feature_spec": bundle.spec.digest(),
        "user_snapshot": {"as_of_ms": serving.users.as_of_ms, "digest": serving.users.digest},
        "trend_snapshot": {"as_of_ms": serving.trends.as_of_ms, "digest": serving.trends.digest},
    }


def _admission(service: Service) -> dict[str, Any]:
    bounds = {name: getattr(service.settings, name) for name in ("max_in_flight", "max_wait_s", "max_body_bytes")}
    return {"metrics": service.metrics, "timer": time.perf_counter, "draining": service.is_draining, **bounds}
