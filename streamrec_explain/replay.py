"""Replay: compute a logged explanation again from its entry and its release, and compare the bytes."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import msgspec

from streamrec_explain.audit_log.questions.lookup import AuditLog
from streamrec_explain.audit_log.questions.sample import SampledEntry, requests_of_sample
from streamrec_explain.audit_log.table.encoding import as_stored
from streamrec_explain.errors import ReplayMismatchError, SnapshotNotFoundError, StreamRecError
from streamrec_explain.explanation.audit_entries import audit_request
from streamrec_explain.explanation.audit_inputs import context_of
from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.engine import ExplanationEngine
from streamrec_explain.explanation.ranking import Candidate, candidates_in
from streamrec_explain.features.snapshots import TrendSnapshot
from streamrec_explain.hashing import digest
from streamrec_explain.records import AuditEntry, AuditRequest, Explanation, ListContext
from streamrec_explain.release.components import load_components
from streamrec_explain.release.model_version import ModelVersion
from streamrec_explain.release.source import ReleaseFolders
from streamrec_explain.statistics.intervals import Rate

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


class ReplayedStratum(msgspec.Struct, frozen=True):
    """How many entries of one tier and release were replayed, and how many gave the same bytes."""

    tier: str
    model_version: str
    identical: int
    entries: int


class Different(msgspec.Struct, frozen=True):
    """An entry whose replay gave other bytes, and in which fields."""

    explanation_id: str
    model_version: str
    differences: tuple[str, ...]


class SampleReplay(msgspec.Struct, frozen=True):
    """What replaying a sample of the log gave; `refused` says why a release or a request could not be used."""

    strata: tuple[ReplayedStratum, ...]
    different: tuple[Different, ...]
    refused: Mapping[str, str]

    @property
    def rate(self) -> Rate:
        """Entries that gave the same bytes, out of all that were drawn."""
        return Rate(sum(each.identical for each in self.strata), sum(each.entries for each in self.strata))


def replay(logged: AuditRequest, position: int, bundle: EngineBundle, trends: TrendSource | None = None) -> Replay:
    """Explain the whole logged list again with its release and compare the entry at `position`.

    `trends` gives kept trend snapshots by digest (`features.trend_archive`), asked for where entries refer to
    one. A request read from the audit table is compared as the table keeps it (float32 where it keeps float32).
    SnapshotNotFoundError if the snapshot is gone, FeatureError if it was changed: the entry cannot be replayed.
    """
    place = [entry.position for entry in logged.entries].index(position)
    return replay_list(logged, ExplanationEngine(bundle), trends)[place]


def replay_list(
    logged: AuditRequest, engine: ExplanationEngine, trends: TrendSource | None = None
) -> tuple[Replay, ...]:
    """Explain a logged list again and compare every entry, in the list's order; see `replay`."""
    context = logged_context(logged, engine.bundle, trends)
    result = engine.explain_list(context)
    again = audit_request(
        context,
        result,
        model_version=logged.model_version,
        key_id=logged.key_id,
        policy=logged.policy,
        trend_digest=logged.trend_digest,
        user_snapshot_digest=logged.user_snapshot_digest,
        computation_time_ms=0.0,
    )
    # The log may have been through the table or not: bring both to the table's precision.
    pairs = zip(as_stored(logged).entries, as_stored(again).entries, result.explanations, strict=True)
    return tuple(_compared(old, new, said, logged.model_version) for old, new, said in pairs)


def replay_sample(
    log: AuditLog, sample: Sequence[SampledEntry], folders: ReleaseFolders, trends: TrendSource | None = None
) -> SampleReplay:
    """Replay every drawn entry with the verified files of its own release; `trends` as `replay` takes it.

    A release or snapshot that cannot be had or was changed is told, and what it leaves out counts as not the same.
    """
    engines = _Engines(folders, trends)
    same: Counter[tuple[str, str]] = Counter()
    different: list[Different] = []
    for found in requests_of_sample(log, sample):
        replays = {each.explanation_id: each for each in engines.replayed(found.request)}
        for entry in found.drawn if replays else ():
            again = replays[entry.explanation_id]
            same[entry.tier, entry.model_version] += again.identical
            if not again.identical:
                different.append(Different(again.explanation_id, again.model_version, again.differences))
    drawn = Counter((entry.tier, entry.model_version) for entry in sample)
    strata = tuple(ReplayedStratum(*place, same[place], entries) for place, entries in sorted(drawn.items()))
    return SampleReplay(strata, tuple(different), engines.refused)


class _Engines:
    """The engine of each release, loaded once; `refused` holds why a release or a list could not be replayed."""

    def __init__(self, folders: ReleaseFolders, trends: TrendSource | None) -> None:
        self.refused: dict[str, str] = {}
        self._folders = folders
        self._trends = trends
        self._loaded: dict[str, ExplanationEngine] = {}

    def replayed(self, logged: AuditRequest) -> tuple[Replay, ...]:
        """The replays of a logged list; none if it was refused."""
        release = logged.model_version
        if release in self.refused:
            return ()
        asked = release
        try:
            engine = self._engine(release)
            asked = logged.request_id
            return replay_list(logged, engine, self._trends)
        except StreamRecError as error:
            self.refused[asked] = str(error)
            return ()

    def _engine(self, release: str) -> ExplanationEngine:
        if release not in self._loaded:
            folder = self._folders(ModelVersion.parse(release))
            self._loaded[release] = ExplanationEngine(load_components(folder))
        return self._loaded[release]


def _compared(old: AuditEntry, new: AuditEntry, said: Explanation, model_version: str) -> Replay:
    """A logged entry beside the replayed one: what was computed, not from what and how fast."""
    new = msgspec.structs.replace(new, inputs=old.inputs, computation_time_ms=old.computation_time_ms)
    return Replay(
        explanation_id=said.explanation_id,
        model_version=model_version,
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
