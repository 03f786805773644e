"""Replay: compute a logged explanation again from its entry and its release, and compare the bytes."""

from collections.abc import Callable, Sequence

import msgspec

from streamrec_explain.audit_log.encoding import as_stored
from streamrec_explain.errors import ReplayMismatchError, SnapshotNotFoundError
from streamrec_explain.explanation.audit_entries import audit_request
from streamrec_explain.explanation.audit_inputs import context_of
from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.engine import ExplanationEngine
from streamrec_explain.explanation.ranking import Candidate, candidates_in
from streamrec_explain.features.snapshots import TrendSnapshot
from streamrec_explain.hashing import digest
from streamrec_explain.records import AuditEntry, AuditRequest, Explanation, ListContext

TrendSource = Callable[[str], TrendSnapshot]


class Replay(msgspec.Struct, frozen=True):
    """An explanation computed again, and whether its audit entry is the logged one, byte for byte.

    `differences` names the entry's fields that differ; `logged_sha256` and `replayed_sha256` are of the entries'
    canonical msgpack bytes.
    """

    explanation_id: str
    model_version: str
    identical: bool
    differences: tuple[str, ...]
    logged_sha256: str
    replayed_sha256: str
    explanation: Explanation

    def raise_unless_identical(self) -> None:
        """ReplayMismatchError naming the fields that differ."""
        if not self.identical:
            raise ReplayMismatchError(
                f"{self.explanation_id}: {', '.join(self.differences)} differ from the log under {self.model_version}"
            )


def replay(logged: AuditRequest, position: int, bundle: EngineBundle, trends: TrendSource | None = None) -> Replay:
    """Explain the whole logged list again with its release and compare the entry at `position`.

    `trends` gives kept trend snapshots by digest (`features.trend_archive`), asked for where entries refer to
    one. A request read from the audit table is compared as the table keeps it (float32 where it keeps float32).
    SnapshotNotFoundError if the snapshot is gone, FeatureError if it was changed: the entry cannot be replayed.
    """
    context = logged_context(logged, bundle, trends)
    result = ExplanationEngine(bundle).explain_list(context)
    place = [entry.position for entry in logged.entries].index(position)
    again = audit_request(
        context,
        result,
        model_version=logged.model_version,
        key_id=logged.key_id,
        policy=logged.policy,
        trend_digest=logged.trend_digest,
        user_snapshot_digest=logged.user_snapshot_digest,
        computation_time_ms=logged.entries[place].computation_time_ms,
    )
    # The log may have been through the table or not: bring both to the table's precision.
    old, new = as_stored(logged).entries[place], as_stored(again).entries[place]
    new = msgspec.structs.replace(new, inputs=old.inputs)  # what was computed from, not what was computed
    said = result.explanations[place]
    return Replay(
        explanation_id=said.explanation_id,
        model_version=logged.model_version,
        identical=_bytes(old) == _bytes(new),
        differences=tuple(name for name in AuditEntry.__struct_fields__ if getattr(old, name) != getattr(new, name)),
        logged_sha256=digest(_bytes(old)),
        replayed_sha256=digest(_bytes(new)),
        explanation=said,
    )


def logged_context(logged: AuditRequest, bundle: EngineBundle, trends: TrendSource | None = None) -> ListContext:
    """The context that a logged list was explained in, items resolved again where entries refer to a snapshot."""

    def known(request: AuditRequest) -> Sequence[Candidate]:
        snapshot = source(request.trend_digest).aligned_to(bundle.catalogue)
        return candidates_in(snapshot, bundle, [entry.item_id for entry in request.entries], request.region)

    source = trends or _no_snapshots
    return context_of(logged, known)


def _no_snapshots(digest: str) -> TrendSnapshot:
    raise SnapshotNotFoundError(f"an entry refers to trend snapshot {digest}, and no snapshots were given")


def _bytes(entry: AuditEntry) -> bytes:
    return msgspec.msgpack.encode(entry, order="sorted")
