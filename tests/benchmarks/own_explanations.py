"""Our own explanations as the service logs them: lists of a trained world, by reference and sent inline."""

import time
from pathlib import Path

import msgspec
import numpy as np

from streamrec_explain.cli.demo_lists import DemoLists
from streamrec_explain.explanation.audit_entries import audit_request
from streamrec_explain.explanation.engine import ExplanationEngine
from streamrec_explain.explanation.ranking import Candidate
from streamrec_explain.features.snapshots import latest_trend_snapshot, latest_user_snapshot
from streamrec_explain.hashing import digest
from streamrec_explain.home import Home
from streamrec_explain.records import AuditRequest, ListContext

DAY_MS = 86_400_000


def logged_lists(home: Path, count: int, *, inline: bool) -> list[AuditRequest]:
    """The audit records of one list each of up to `count` users, over one UTC day of one market.

    `inline`: the caller sent every item feature; otherwise all were resolved from the trend snapshot.
    """
    lists, rng = DemoLists(home, 0), np.random.default_rng(0)
    engine = ExplanationEngine(lists.bundle)
    snapshots = latest_trend_snapshot(Home(home).trends).digest, latest_user_snapshot(Home(home).users).digest
    made = []
    for user_id, context in lists.sampled(count):
        asked = _as_asked(user_id, context, rng)
        started = time.perf_counter()
        said = engine.explain_list(asked)
        known = [Candidate(item.item_id, item.item_features, item.item_facts) for item in asked.items]
        made.append(
            audit_request(
                asked,
                said,
                model_version="streamrec-release/1@dd0ede81",
                key_id="k1",
                policy="honest",
                trend_digest=snapshots[0],
                user_snapshot_digest=snapshots[1],
                computation_time_ms=(time.perf_counter() - started) * 1000 / len(asked.items),
                known=[] if inline else known,
            )
        )
    return made


def _as_asked(user_id: str, context: ListContext, rng: np.random.Generator) -> ListContext:
    """The list with a random id and pseudonym, at a random moment of its day, in one market."""
    start = context.timestamp_ms // DAY_MS * DAY_MS
    return msgspec.structs.replace(
        context,
        request_id=rng.bytes(16).hex(),
        user_id_hash=digest(user_id.encode())[:32],
        timestamp_ms=start + int(rng.integers(0, DAY_MS)),
        region="US",
    )
