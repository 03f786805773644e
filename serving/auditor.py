"""The auditor's app, a process of its own: trace an explanation, ask which were given, and log who asked."""

from collections.abc import Mapping
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from fastapi import Depends, FastAPI, Query, Response
from fastapi.responses import HTMLResponse, PlainTextResponse

from serving.auditors import Auditors
from serving.errors import JSON, map_errors
from serving.keys import FollowedKeyRing
from serving.moments import unix_ms
from serving.service import now_ms
from serving.settings import Settings
from streamrec_explain.audit_log.custody.access_log import Access, AccessLog
from streamrec_explain.audit_log.questions.lookup import AuditLog, FoundEntries
from streamrec_explain.audit_log.questions.queries import EntryFilter
from streamrec_explain.audit_log.table.store import store_of
from streamrec_explain.features.trend_archive import TrendArchive
from streamrec_explain.release.cache import ReleaseCache
from streamrec_explain.release.source import ReleaseSource
from streamrec_explain.trace import Trace, trace

if TYPE_CHECKING:
    from serving.investigations import Investigator

MOST_ENTRIES = 1_000
ExplanationType = Literal["watch_history", "category_match", "trending", "personalized", "promoted", "generic"]
ProfileName = Literal["full", "regulatory"]
Locale = Literal["en", "de", "ja"]
# A report needs nothing from anywhere and runs nothing.
PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
Text = Annotated[str | None, Query(max_length=256)]


class AuditorDesk:
    """Answers auditors from the audit log and the registry of one deployment."""

    def __init__(self, settings: Settings, keys: FollowedKeyRing) -> None:
        home = settings.home
        hot, cold = store_of(home).tables()
        self._log = AuditLog(home.journal, hot, cold)
        self._source = ReleaseSource(settings.registry_uri, ReleaseCache(home.releases))
        self._keys = keys
        self._trends = TrendArchive(home.trends)
        self._accesses = AccessLog(home.accesses)

    def trace(self, explanation_id: str) -> Trace:
        """Everything behind one explanation; EntryNotFoundError if no tier has it."""
        return trace(explanation_id, self._log, self._source.folder, self._source.registry)

    @cached_property
    def investigator(self) -> "Investigator":
        """Who investigates; torch and captum are loaded when somebody asks for it, not when the process starts."""
        from serving.investigations import Investigator

        return Investigator(self._log, self._source, self._trends)

    def users(self, user_id: str) -> tuple[str, ...]:
        """The pseudonyms of a user: the id itself goes no further than this."""
        return tuple(self._keys().pseudonyms(user_id).values())

    def record(self, who: str, what: str, asked: Mapping[str, str | None], user_id: str | None = None) -> None:
        """Note a question durably before it is answered; AuditLogError if it cannot be: it then stays unanswered."""
        access = Access(
            at_ms=now_ms(),
            who=who,
            via="auditor app",
            what=what,
            asked={name: value for name, value in asked.items() if value is not None},
            subjects=() if user_id is None else tuple(self._keys().subjects(user_id).values()),
        )
        self._accesses.record(access)

    def entries(self, wanted: EntryFilter, limit: int) -> FoundEntries:
        """What waits in the journals first, then hot, then cold; each entry once."""
        return self._log.entries(wanted, limit)


def create_auditor(settings: Settings, keys: FollowedKeyRing) -> FastAPI:
    """The app of the auditor; SettingsError if it would answer strangers."""
    settings.require_auditors()
    desk, who = AuditorDesk(settings, keys), Auditors.read(settings.auditors)
    app = FastAPI(
        title="StreamRec Explain: auditor",
        summary="What was said to whom, why, and by which release.",
        version=version("streamrec-explain"),
    )
    _add_questions(app, desk, who)
    map_errors(app)
    return app


def _add_questions(app: FastAPI, desk: AuditorDesk, who: Auditors) -> None:
    # Plain functions: they wait for tables and files, so each runs in a thread.
    @app.get("/v1/explanations/{explanation_id}", tags=["audit"], response_model=None)
    def trace_explanation(explanation_id: str, auditor: Annotated[str, Depends(who.asking)]) -> Response:
        """Trace an explanation to its release, runs, data and code; `unresolved` says which links are broken."""
        desk.record(auditor, "trace", {"explanation_id": explanation_id})
        return _json(desk.trace(explanation_id))

    @app.get("/v1/explanations/{explanation_id}/investigation", tags=["audit"], response_model=None)
    def investigate_explanation(
        explanation_id: str, auditor: Annotated[str, Depends(who.asking)], profile: ProfileName = "full"
    ) -> Response:
        """Replay, attribute in full, check the claims again, search what would have changed the outcome."""
        desk.record(auditor, "investigation", {"explanation_id": explanation_id, "profile": profile})
        return Response(desk.investigator.find(explanation_id, profile).to_json(), media_type=JSON)

    @app.get("/v1/explanations/{explanation_id}/report", tags=["audit"], response_class=HTMLResponse)
    def report_explanation(
        explanation_id: str,
        auditor: Annotated[str, Depends(who.asking)],
        profile: ProfileName = "full",
        locale: Locale | None = None,
    ) -> Response:
        """The investigation as a self-contained page; profile `regulatory` is for the person concerned."""
        desk.record(auditor, "report", {"explanation_id": explanation_id, "profile": profile})
        made = desk.investigator.page(explanation_id, profile, locale)
        return HTMLResponse(made, headers={"Content-Security-Policy": PAGE_POLICY})

    @app.get("/v1/explanations", tags=["audit"], response_model=None)
    def find_explanations(
        auditor: Annotated[str, Depends(who.asking)],
        user_id: Text = None,
        item_id: Text = None,
        release: Text = None,
        kind: Annotated[ExplanationType | None, Query(alias="type")] = None,
        region: Text = None,
        from_: Annotated[str | None, Query(alias="from", description="ISO 8601 or Unix ms")] = None,
        to: Annotated[str | None, Query(description="ISO 8601 or Unix ms; itself excluded")] = None,
        limit: Annotated[int, Query(ge=1, le=MOST_ENTRIES)] = 100,
    ) -> Response:
        """Which explanations were given: to a user, about an item, by a release, of a type, in a time."""
        wanted = EntryFilter(
            users=None if user_id is None else desk.users(user_id),
            item_id=item_id,
            model_version=release,
            explanation_type=kind,
            region=region,
            from_ms=None if from_ is None else unix_ms(from_, "from"),
            to_ms=None if to is None else unix_ms(to, "to"),
        )
        asked = {"item": item_id, "release": release, "type": kind, "region": region, "from": from_, "to": to}
        desk.record(auditor, "query", asked, user_id)
        return _json(desk.entries(wanted, limit))

    @app.get("/livez", tags=["operation"])
    async def live() -> PlainTextResponse:
        """The process answers."""
        return PlainTextResponse("ok")


def _json(found: Trace | FoundEntries) -> Response:
    return Response(msgspec.json.encode(found), media_type=JSON)
