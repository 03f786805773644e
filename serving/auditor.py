"""The auditor app, a process of its own: traces one explanation, answers questions about many, notes who asked."""

import logging
from collections.abc import Iterator
from hmac import compare_digest
from importlib.metadata import version
from itertools import islice
from typing import Annotated, Literal

import msgspec
from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.responses import PlainTextResponse, StreamingResponse

from serving.errors import JSON, map_errors
from serving.settings import Settings
from streamrec_explain.audit_log.lookup import AuditLog
from streamrec_explain.audit_log.queries import EntryFilter, entries
from streamrec_explain.audit_log.table import AuditTable
from streamrec_explain.pseudonym import KeyRing
from streamrec_explain.release.cache import ReleaseCache
from streamrec_explain.release.source import ReleaseSource
from streamrec_explain.trace import trace

MOST_ENTRIES = 10_000
log = logging.getLogger(__name__)
ExplanationType = Literal["watch_history", "category_match", "trending", "personalized", "promoted", "generic"]


class Auditor:
    """What questions are answered from: journals, both tiers, releases, and the keys that find a person."""

    def __init__(self, settings: Settings, keys: KeyRing) -> None:
        home = settings.home
        self.keys = keys
        self.tables = (AuditTable(home.audit_log_hot, "hot"), AuditTable(home.audit_log_cold, "cold"))
        self.log = AuditLog(home.journal, *self.tables)
        self.source = ReleaseSource(settings.registry_uri, ReleaseCache(home.releases))
        self._tokens = _tokens(settings)

    def who(self, request: Request) -> str:
        """The name of who asks; 401 where auditors are named and the bearer token is none of theirs."""
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not self._tokens:
            return "local"
        for name, token in self._tokens.items():
            if compare_digest(token.encode(), given.encode()):
                return name
        raise HTTPException(401, "name yourself with Authorization: Bearer TOKEN", {"WWW-Authenticate": "Bearer"})

    def entries(self, wanted: EntryFilter, limit: int) -> Iterator[bytes]:
        """One JSON array of at most `limit` entries, piece by piece."""
        present = [table for table in self.tables if table.exists()]
        yield b"["
        for place, entry in enumerate(islice(entries(present, wanted, limit=limit), limit)):
            yield (b",\n" if place else b"") + msgspec.json.encode(entry)
        yield b"]"


def create_auditor(settings: Settings, keys: KeyRing) -> FastAPI:
    """The app over a home folder's audit log."""
    app = FastAPI(
        title="StreamRec Explain: auditor",
        summary="Where an explanation came from, and which were given.",
        version=version("streamrec-explain"),
    )
    _add_routes(app, Auditor(settings, keys))
    map_errors(app)
    return app


def _add_routes(app: FastAPI, auditor: Auditor) -> None:
    @app.get("/v1/explanations/{explanation_id}", tags=["audit"], response_model=None)
    def trace_one(explanation_id: str, who: Annotated[str, Depends(auditor.who)]) -> Response:
        """Entry, release, component models, runs, data and code of one explanation."""
        log.info("%s traced %s", who, explanation_id)
        found = trace(explanation_id, auditor.log, auditor.source.folder, auditor.source.registry)
        return Response(msgspec.json.encode(found), media_type=JSON)

    @app.get("/v1/explanations", tags=["audit"], response_model=None)
    def query(
        who: Annotated[str, Depends(auditor.who)],
        user_id: str | None = None,
        item_id: str | None = None,
        release: str | None = None,
        explanation_type: Annotated[ExplanationType | None, Query(alias="type")] = None,
        region: str | None = None,
        from_ms: Annotated[int | None, Query(alias="from", ge=0)] = None,
        to_ms: Annotated[int | None, Query(alias="to", ge=0)] = None,
        limit: Annotated[int, Query(ge=1, le=MOST_ENTRIES)] = 1_000,
    ) -> StreamingResponse:
        """Shipped entries by user, item, release, type and time (Unix ms, the end excluded), oldest first."""
        users = None if user_id is None else tuple(auditor.keys.pseudonyms(user_id).values())
        wanted = EntryFilter(
            users=users,
            item_id=item_id,
            model_version=release,
            explanation_type=explanation_type,
            region=region,
            from_ms=from_ms,
            to_ms=to_ms,
        )
        # The pseudonym, not the user: this log must not hold what the audit log does not.
        log.info("%s asked for %s", who, msgspec.json.encode(wanted).decode())
        return StreamingResponse(auditor.entries(wanted, limit), media_type=JSON)

    @app.get("/livez", tags=["operation"])
    def live() -> PlainTextResponse:
        """The process answers."""
        return PlainTextResponse("ok")


def _tokens(settings: Settings) -> dict[str, str]:
    if settings.auditors is None:
        return {}
    return msgspec.json.decode(settings.auditors.read_bytes(), type=dict[str, str])
