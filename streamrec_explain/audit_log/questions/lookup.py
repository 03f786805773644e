"""The whole audit log behind one lookup: journals first, then the hot tier, then the cold one."""

from itertools import chain, islice
from pathlib import Path

import msgspec

from streamrec_explain.audit_log.journal.reader import find_in_folder
from streamrec_explain.audit_log.questions.queries import EntryFilter, EntrySummary, entries
from streamrec_explain.audit_log.questions.waiting import waiting_entries
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.errors import EntryNotFoundError
from streamrec_explain.records import AuditEntry, AuditRequest, split_explanation_id


class FoundRequest(msgspec.Struct, frozen=True):
    """A request and where it was found: `source` is journal, hot or cold."""

    request: AuditRequest
    source: str


class FoundEntry(msgspec.Struct, frozen=True):
    """One explanation's entry, the request it belongs to, and where it was found."""

    entry: AuditEntry
    request: AuditRequest
    source: str


class FoundEntries(msgspec.Struct, frozen=True):
    """Entries that were asked for; `truncated` is true where there are more than the limit."""

    entries: tuple[EntrySummary, ...]
    truncated: bool


class AuditLog(msgspec.Struct, frozen=True):
    """Where the audit log of one deployment lies."""

    journals: Path
    hot: AuditTable
    cold: AuditTable

    def find_request(self, request_id: str) -> FoundRequest:
        """The request of that id, wherever it is; EntryNotFoundError if it is nowhere.

        The journal gives it as it was appended, the tables as `encoding.as_stored` tells.
        """
        waiting = find_in_folder(self.journals, request_id)
        if waiting is not None:
            return FoundRequest(waiting, "journal")
        for table in (self.hot, self.cold):
            found = table.find_request(request_id) if table.exists() else None
            if found is not None:
                return FoundRequest(found, table.tier)
        raise EntryNotFoundError(f"no request {request_id!r} in the journals of {self.journals} or in any tier")

    def find_entry(self, explanation_id: str) -> FoundEntry:
        """The entry of an explanation id (REQUEST.POSITION); EntryNotFoundError if there is none."""
        try:
            request_id, position = split_explanation_id(explanation_id)
        except ValueError as error:
            raise EntryNotFoundError(str(error)) from error
        found = self.find_request(request_id)
        for entry in found.request.entries:
            if entry.position == position:
                return FoundEntry(entry, found.request, found.source)
        raise EntryNotFoundError(f"request {request_id!r} has no position {position}")

    def entries(self, wanted: EntryFilter, limit: int) -> FoundEntries:
        """Up to `limit` entries that are asked for: what waits in the journals first, then hot, then cold."""
        waiting = list(islice(waiting_entries(self.journals, wanted), limit + 1))
        found: dict[str, EntrySummary] = {}
        for entry in chain(waiting, entries(self.tables(), wanted, limit=limit + 1)):
            found.setdefault(entry.explanation_id, entry)  # what was shipped in between is found twice
            if len(found) > limit:
                break
        return FoundEntries(tuple(islice(found.values(), limit)), len(found) > limit)

    def tables(self) -> tuple[AuditTable, ...]:
        """The tiers that were ever written."""
        return tuple(table for table in (self.hot, self.cold) if table.exists())
