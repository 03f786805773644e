"""Trace: from one explanation id back to release, component versions, runs, data and code."""

from collections.abc import Mapping

import msgspec

from streamrec_explain.audit_log.questions.lookup import AuditLog
from streamrec_explain.errors import StreamRecError
from streamrec_explain.explanation.audit_inputs import history_of
from streamrec_explain.records import AuditEntry, Claim
from streamrec_explain.release.bundle import verify_bundle
from streamrec_explain.release.manifest import Manifest
from streamrec_explain.release.model_version import ModelVersion
from streamrec_explain.release.registry_reader import RegistryReader, StoredRun
from streamrec_explain.release.source import ReleaseFolders


class TracedComponent(msgspec.Struct, frozen=True):
    """A component model that a release pins, as the registry has it."""

    name: str
    version: int
    digest: str
    run_id: str


class TracedRun(msgspec.Struct, frozen=True):
    """An MLflow run behind a release and the Dagster run that started it."""

    step: str
    run_id: str
    status: str
    dagster_run: str | None
    data: Mapping[str, str]


class TracedRelease(msgspec.Struct, frozen=True):
    """A release whose files were verified: its digest, pins and everything they point at."""

    model_version: str
    digest: str
    files: Mapping[str, str]
    components: tuple[TracedComponent, ...]
    runs: tuple[TracedRun, ...]
    dagster_run: str | None
    world: str
    data: Mapping[str, str]
    git_commit: str | None
    feature_spec: str
    libraries: Mapping[str, str]


class Trace(msgspec.Struct, frozen=True):
    """Everything behind one explanation; `unresolved` says which links could not be followed, and why."""

    explanation_id: str
    found_in: str
    request_id: str
    timestamp_ms: int
    user_id_hash: str
    key_id: str
    region: str
    locale: str
    policy: str
    item_id: str
    position: int
    explanation_type: str
    explanation_text_hash: str
    template: str
    claims: tuple[Claim, ...]
    flags: tuple[str, ...]
    shap_top_3: tuple[tuple[str, float], ...]
    attention_top_2: tuple[tuple[str, float], ...]
    computation_time_ms: float
    trend_digest: str
    user_snapshot_digest: str
    history: tuple[str, ...]
    release: TracedRelease | None
    unresolved: tuple[str, ...]


def trace(explanation_id: str, log: AuditLog, folders: ReleaseFolders, registry: RegistryReader) -> Trace:
    """Follow every link of an explanation; EntryNotFoundError if no tier has it."""
    found = log.find_entry(explanation_id)
    entry, request = found.entry, found.request
    broken: list[str] = []
    release = _release(ModelVersion.parse(request.model_version), folders, registry, broken)
    return Trace(
        explanation_id=explanation_id,
        found_in=found.source,
        release=release,
        history=tuple(event.item_id for event in history_of(request)),
        unresolved=tuple(broken),
        **{name: getattr(request, name) for name in _REQUEST_FIELDS},
        **{name: getattr(entry, name) for name in _ENTRY_FIELDS},
    )


_REQUEST_FIELDS = (
    "request_id",
    "timestamp_ms",
    "user_id_hash",
    "key_id",
    "region",
    "locale",
    "policy",
    "trend_digest",
    "user_snapshot_digest",
)
_ENTRY_FIELDS = tuple(name for name in AuditEntry.__struct_fields__ if name in Trace.__struct_fields__)


def _release(
    release: ModelVersion, folders: ReleaseFolders, registry: RegistryReader, broken: list[str]
) -> TracedRelease | None:
    """The release with its links; what cannot be followed is written into `broken`."""
    try:
        manifest = verify_bundle(folders(release), release.short_digest)
    except StreamRecError as error:
        broken.append(f"release {release}: {error}")
        return None
    return TracedRelease(
        model_version=str(release),
        digest=manifest.digest(),
        files=manifest.files,
        components=tuple(_components(manifest, registry, broken)),
        runs=tuple(_runs(manifest, registry, broken)),
        dagster_run=manifest.pins.dagster_run,
        world=manifest.world.name,
        data=manifest.world.digests,
        git_commit=manifest.pins.git_commit,
        feature_spec=manifest.pins.feature_spec,
        libraries=manifest.pins.libraries,
    )


def _components(manifest: Manifest, registry: RegistryReader, broken: list[str]) -> list[TracedComponent]:
    found = []
    for name, number in sorted(manifest.pins.components.items()):
        try:
            stored = registry.version(number, name)
        except StreamRecError as error:
            broken.append(f"component {name}/{number}: {error}")
            continue
        found.append(TracedComponent(name, stored.version, stored.digest, stored.run_id))
    return found


def _runs(manifest: Manifest, registry: RegistryReader, broken: list[str]) -> list[TracedRun]:
    found = []
    for step, run_id in sorted(manifest.pins.runs.items()):
        try:
            found.append(_run(step, registry.run(run_id)))
        except StreamRecError as error:
            broken.append(f"run {run_id} of {step}: {error}")
    return found


def _run(step: str, run: StoredRun) -> TracedRun:
    data = {each.name: each.digest for each in run.data}
    return TracedRun(step, run.run_id, run.status, run.tags.get("dagster.run_id"), data)
