"""The speed of a store: commits and rows a second, and what a look-up takes.

`python -m tests.reference.store_speed STORE`, a file like HOME/audit_store.json, works in a fresh folder of that store
and deletes it at the end.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import msgspec

from streamrec_explain.audit_log.journal.journal import Journal
from streamrec_explain.audit_log.maintenance.compaction import apply_compaction, plan_compaction
from streamrec_explain.audit_log.questions.lookup import AuditLog
from streamrec_explain.audit_log.questions.queries import EntryFilter
from streamrec_explain.audit_log.shipping.shipper import ship_folder
from streamrec_explain.audit_log.table.request_ids import new_request_id
from streamrec_explain.audit_log.table.store import AuditStore
from streamrec_explain.records import AuditRequest
from tests.audit_log.audit_requests import DAY_MS, START_MS, request
from tests.reference.store_life import fresh_folder

ITEMS, DAYS, COMMITS, ASKED = 20, 10, 30, 20
USERS = 500


class Speed(msgspec.Struct, frozen=True):
    """Commits of one request and shipped rows a second, one shipper; medians of look-ups, processes warm, in ms.

    `told_id_ms`: an explanation id that tells its day; `plain_id_ms`: one that does not, over all days.
    """

    commits_a_second: float
    shipped_rows_a_second: float
    compacted_rows_a_second: float
    told_id_ms: float
    plain_id_ms: float
    user_on_a_day_ms: float
    user_over_all_days_ms: float


def measured(root: Path, store: AuditStore, requests: int) -> Speed:
    """Measure in an empty folder of a store, with so many requests of 20 entries over ten days."""
    hot, cold = store.tables()
    commits_s = _seconds(lambda: [hot.append([request(number, items=ITEMS)]) for number in range(COMMITS)])
    sent = [_sent(number) for number in range(requests)]
    with Journal(root / "filled" / "w.sqlite", clock=lambda: 1) as journal:
        for each in sent[:-1]:
            journal.append_nowait(each, b"")
        journal.append(sent[-1], b"")
    shipping_s = _seconds(lambda: ship_folder(root / "filled", hot, clock=lambda: 2))
    compacting_s = _seconds(lambda: apply_compaction(plan_compaction(hot), hot))
    log, asked = AuditLog(root / "empty", hot, cold), sent[:: requests // ASKED][:ASKED]
    told = [partial(log.find_request, each.request_id) for each in asked if not each.request_id.startswith("request")]
    plain = [partial(log.find_request, each.request_id) for each in asked if each.request_id.startswith("request")]
    return Speed(
        commits_a_second=round(COMMITS / commits_s, 1),
        shipped_rows_a_second=round(requests * ITEMS / shipping_s),
        compacted_rows_a_second=round((requests + COMMITS) * ITEMS / compacting_s),
        told_id_ms=_median_ms(told),
        plain_id_ms=_median_ms(plain),
        user_on_a_day_ms=_median_ms(partial(log.entries, _on_a_day(each), 1000) for each in asked),
        user_over_all_days_ms=_median_ms(
            partial(log.entries, EntryFilter(users=(each.user_id_hash,)), 10_000) for each in asked
        ),
    )


def _on_a_day(sent: AuditRequest) -> EntryFilter:
    day = sent.timestamp_ms - sent.timestamp_ms % DAY_MS
    return EntryFilter(users=(sent.user_id_hash,), from_ms=day, to_ms=day + DAY_MS)


def _sent(number: int) -> AuditRequest:
    """A request of one of ten days in order, by one of 500 users; every second id tells its day."""
    timestamp_ms = START_MS + number % DAYS * DAY_MS + number
    told = new_request_id(timestamp_ms, number.to_bytes(10, "big"))
    return request(
        number,
        items=ITEMS,
        timestamp_ms=timestamp_ms,
        request_id=told if number // DAYS % 2 else f"request-of-{number}",
        user_id_hash=f"{number % USERS * 0x9E3779B97F4A7C15 % 2**128:032x}",
    )


def _seconds(work: Callable[[], object]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


def _median_ms(questions: Iterable[Callable[[], object]]) -> float:
    """The median time of an answer after a first, untimed one."""
    first, *others = questions
    first()
    return round(1000 * statistics.median(map(_seconds, others)), 1)


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", type=Path)
    parser.add_argument("--requests", type=int, default=20_000)
    given = parser.parse_args()
    with fresh_folder(given.store) as store, tempfile.TemporaryDirectory(prefix="store-speed-") as name:
        found = measured(Path(name), store, given.requests)
    print(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())


if __name__ == "__main__":
    main()
