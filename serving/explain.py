"""Explaining: resolve a request, explain its list, make the answer durable, then let it leave."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from os import urandom

from serving.metrics import ServiceMetrics
from serving.release_slot import ReleaseSlot, Serving
from serving.repeats import Repeats
from serving.resolution import resolve
from serving.wire import AskedList, origin_of, read_request, write_answer
from streamrec_explain.audit_log.journal.journal import Journal
from streamrec_explain.audit_log.journal.record import StoredRecord
from streamrec_explain.audit_log.table.request_ids import new_request_id
from streamrec_explain.errors import RequestError
from streamrec_explain.explanation.audit_entries import audit_request
from streamrec_explain.explanation.engine import SCORE_MISMATCH, ListExplanation
from streamrec_explain.pseudonym import KeyRing
from streamrec_explain.records import AuditRequest


@dataclass(frozen=True)
class Answer:
    """The bytes of an answer and the release that gave it."""

    model_version: str
    body: bytes


@dataclass(frozen=True)
class ExplainLists:
    """The use case of the service; `keys` gives the key ring as it is now, `clock` Unix ms, `timer` seconds.

    Everything but the wait for the disk runs where it is called: on the event loop, for a list takes less
    than a millisecond.
    """

    slot: ReleaseSlot
    journal: Journal
    repeats: Repeats
    keys: Callable[[], KeyRing]
    metrics: ServiceMetrics
    clock: Callable[[], int]
    timer: Callable[[], float]

    async def answer(self, body: bytes) -> Answer:
        """Answer a request body, durably; a request id that was answered before gets its first answer.

        RequestError names the field that is wrong; ReleaseNotFoundError before a release is loaded;
        JournalFullError and JournalError if the answer cannot be made durable, and so is not given.
        """
        asked = read_request(body)
        if asked.request_id is None:
            return await self._explain(asked, new_request_id(asked.timestamp_ms or self.clock(), urandom(10)))
        async with self.repeats.claimed(asked.request_id):
            earlier = self.repeats.record_of(asked.request_id)
            if earlier is None:
                return await self._explain(asked, asked.request_id)
            return self._repeated(asked, earlier)

    async def _explain(self, asked: AskedList, request_id: str) -> Answer:
        serving = self.slot.current()
        record, answer = self._explained(asked, request_id, serving)
        standing = await asyncio.wrap_future(self.journal.append_nowait(record, answer))
        self.metrics.journal_fill.set(self.journal.fill)
        return Answer(serving.model_version, standing)

    def _explained(self, asked: AskedList, request_id: str, serving: Serving) -> tuple[AuditRequest, bytes]:
        """The audit record and the answer of a list."""
        started, keys = self.timer(), self.keys()  # one ring for both: pseudonym and key id must belong together
        pseudonym = keys.pseudonym(asked.user_id, asked.region)
        context, known = resolve(asked, serving, request_id, pseudonym, self.clock())
        said = serving.engine.explain_list(context)
        computation_time_ms = (self.timer() - started) * 1000 / len(asked.items)
        record = audit_request(
            context,
            said,
            model_version=serving.model_version,
            key_id=keys.current_in(asked.region).key_id,
            policy=serving.engine.bundle.policy,
            trend_digest=serving.trends.digest,
            user_snapshot_digest=serving.users.digest,
            computation_time_ms=computation_time_ms,
            known=known,
        )
        self._count(said, serving.model_version)
        return record, write_answer(serving.model_version, request_id, said, computation_time_ms)

    def _repeated(self, asked: AskedList, earlier: StoredRecord) -> Answer:
        """The first answer, unless it was given about somebody else: it names what that user watched."""
        if earlier.user_id_hash not in self.keys().pseudonyms(asked.user_id).values():
            raise RequestError("request_id was used for another user; choose a new one", "request_id")
        self.metrics.repeats.add()
        return Answer(origin_of(earlier.answer), earlier.answer)

    def _count(self, said: ListExplanation, model_version: str) -> None:
        for each in said.explanations:
            self.metrics.explanations.add(each.explanation_type, model_version)
            for flag in each.flags:
                self.metrics.flags.add(flag)
                if flag == SCORE_MISMATCH:
                    self.metrics.score_mismatches.add(model_version)
