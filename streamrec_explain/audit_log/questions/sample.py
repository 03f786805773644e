"""A random sample of the whole audit log: as many entries of each tier and release as there are, up to even shares."""

import hashlib
import heapq
from collections.abc import Iterator, Sequence

import msgspec

from streamrec_explain.audit_log.questions.lookup import AuditLog
from streamrec_explain.audit_log.questions.queries import EntryFilter
from streamrec_explain.audit_log.questions.waiting import JOURNAL, waiting_entries
from streamrec_explain.audit_log.table import conditions
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.encoding import requests_of, utc_day
from streamrec_explain.records import AuditRequest, explanation_id

_REQUESTS_AT_ONCE = 200


class SampledEntry(msgspec.Struct, frozen=True, order=True):
    """One drawn entry: `rank` is the hash that it was drawn by, `tier` where it was found."""

    rank: str
    tier: str
    model_version: str
    date: str
    request_id: str
    position: int

    @property
    def explanation_id(self) -> str:
        """The entry's explanation."""
        return explanation_id(self.request_id, self.position)


class SampledRequest(msgspec.Struct, frozen=True):
    """A logged list and which of its entries were drawn."""

    request: AuditRequest
    drawn: tuple[SampledEntry, ...]


def draw(log: AuditLog, n: int, seed: int, wanted: EntryFilter) -> tuple[SampledEntry, ...]:
    """Draw up to `n` of the wanted entries, each tier and release giving an even share as far as its entries go.

    Within a tier and release every entry is as likely as any other: those with the smallest hashes of seed and id
    are taken, so that equal seeds draw equal entries and the memory needed is that of the sample.
    """
    strata = [*_waiting(log, n, seed, wanted)]
    known = {each.explanation_id for entries in strata for each in entries}
    for table in log.tables():
        for release in _releases(table, wanted):
            found = _shipped(table, n, seed, msgspec.structs.replace(wanted, model_version=release))
            strata.append([each for each in found if each.explanation_id not in known])
    shares = even_shares([len(entries) for entries in strata], n)
    return tuple(entry for entries, share in zip(strata, shares, strict=True) for entry in entries[:share])


def even_shares(sizes: Sequence[int], n: int) -> list[int]:
    """How many of `n` each of several piles gives: the same number, or all it has where that is less."""
    shares, left = [0] * len(sizes), n
    for done, place in enumerate(sorted(range(len(sizes)), key=sizes.__getitem__)):
        shares[place] = min(sizes[place], -(-left // (len(sizes) - done)))
        left -= shares[place]
    return shares


def requests_of_sample(log: AuditLog, sample: Sequence[SampledEntry]) -> Iterator[SampledRequest]:
    """The lists that the drawn entries belong to, each once, wherever they are by now.

    EntryNotFoundError if one is nowhere any more (expired or erased since it was drawn).
    """
    by_request: dict[str, list[SampledEntry]] = {}
    for entry in sample:
        by_request.setdefault(entry.request_id, []).append(entry)
    groups = list(by_request.items())
    for first in range(0, len(groups), _REQUESTS_AT_ONCE):
        some = groups[first : first + _REQUESTS_AT_ONCE]
        found = _read(log, [entries[0] for _, entries in some])
        for name, entries in some:
            yield SampledRequest(found.get(name) or log.find_request(name).request, tuple(entries))


def _read(log: AuditLog, entries: Sequence[SampledEntry]) -> dict[str, AuditRequest]:
    """Those of the entries' requests that still lie in the table they were drawn from."""
    found: dict[str, AuditRequest] = {}
    for table in log.tables():
        here = [each for each in entries if each.tier == table.tier]
        if not here:
            continue
        days = conditions.one_of("date", sorted({each.date for each in here}))
        names = conditions.one_of("request_id", sorted(each.request_id for each in here))
        found |= {each.request_id: each for each in requests_of(table.rows(f"{days} AND {names}"))}
    return found


def _waiting(log: AuditLog, n: int, seed: int, wanted: EntryFilter) -> Iterator[list[SampledEntry]]:
    """For each release the `n` smallest entries that wait in the journals."""
    smallest: dict[str, list[SampledEntry]] = {}
    for each in waiting_entries(log.journals, wanted):
        rank = hashlib.md5(f"{seed}:{each.explanation_id}".encode(), usedforsecurity=False).hexdigest()
        request_id = each.explanation_id.rpartition(".")[0]
        entry = SampledEntry(rank, JOURNAL, each.model_version, utc_day(each.timestamp_ms), request_id, each.position)
        pile = smallest.setdefault(each.model_version, [])
        pile.append(entry)
        if len(pile) >= 2 * n:
            pile[:] = heapq.nsmallest(n, pile)
    for _, pile in sorted(smallest.items()):
        yield heapq.nsmallest(n, pile)


def _releases(table: AuditTable, wanted: EntryFilter) -> list[str]:
    sql = f"SELECT DISTINCT model_version FROM entries WHERE {wanted.condition} ORDER BY model_version"
    return [str(name) for name in table.query(sql)["model_version"].to_pylist()]


def _shipped(table: AuditTable, n: int, seed: int, wanted: EntryFilter) -> list[SampledEntry]:
    """The `n` smallest of the wanted entries of a table."""
    name = "request_id || '.' || CAST(position AS VARCHAR)"
    columns = "model_version, CAST(date AS VARCHAR) AS date, request_id, position"
    sql = (
        f"SELECT md5('{int(seed)}:' || {name}) AS rank, {columns} FROM entries "
        f"WHERE {wanted.condition} ORDER BY rank LIMIT {int(n)}"
    )
    return [SampledEntry(tier=table.tier, **row) for row in table.query(sql).to_pylist()]
