"""Lineage: a trace as a RunEvent of the OpenLineage specification, for tools that draw where things come from.

The event is about the run that explained one list item: its inputs are the release, the models it pins, the
snapshots and the data behind them, its output the entry of the audit log. What the specification has no facet
for stands in facets of our own, marked as such by their producer.
"""

import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from streamrec_explain.trace import Trace, TracedRelease

SPEC = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/"
VERSION_FACET = (
    "https://openlineage.io/spec/facets/1-0-0/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet"
)
NAMESPACE = "streamrec"
JOB = "explain"
# Names runs whose ids are no UUIDs (the event's own among them), so that equal traces give equal documents.
_RUN_IDS = uuid.uuid5(uuid.NAMESPACE_URL, "urn:streamrec-explain:run")

Facets = Mapping[str, Mapping[str, Any]]


class Dataset(msgspec.Struct, frozen=True):
    """A data set by namespace and name, with facets."""

    namespace: str
    name: str
    facets: Facets


class Job(msgspec.Struct, frozen=True):
    """A job by namespace and name."""

    namespace: str
    name: str


class Run(msgspec.Struct, frozen=True, rename="camel"):
    """One run: a UUID and facets."""

    run_id: str
    facets: Facets


class RunEvent(msgspec.Struct, frozen=True, rename="camel"):
    """An OpenLineage RunEvent; `schema_url` names the version of the specification it follows."""

    event_type: str
    event_time: str
    run: Run
    job: Job
    inputs: tuple[Dataset, ...]
    outputs: tuple[Dataset, ...]
    producer: str
    schema_url: str = msgspec.field(name="schemaURL")

    def to_json(self) -> bytes:
        """Indented JSON."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2)


def run_event(trace: Trace, product_version: str) -> RunEvent:
    """The RunEvent of a traced explanation: COMPLETE at the time of the list; equal traces give equal events."""
    producer = f"urn:streamrec-explain:{product_version}"
    inputs = [*_snapshots(trace, producer)]
    if trace.release is not None:
        inputs += _release(trace.release, producer)
    kept = ("explanation_type", "template", "claims", "flags", "policy", "locale", "region", "unresolved")
    said = {name: msgspec.to_builtins(getattr(trace, name)) for name in kept}
    moment = datetime.fromtimestamp(trace.timestamp_ms / 1000, UTC).isoformat(timespec="milliseconds")
    return RunEvent(
        event_type="COMPLETE",
        event_time=moment,
        run=Run(run_uuid(trace.explanation_id), {"streamrec_explanation": _own(producer, "RunFacet", said)}),
        job=Job(NAMESPACE, JOB),
        inputs=tuple(inputs),
        outputs=(_entry(trace, producer),),
        producer=producer,
        schema_url=f"{SPEC}RunEvent",
    )


def run_uuid(identifier: str) -> str:
    """A run id as UUID: MLflow's and Dagster's ids as they are, any other named within a space of our own."""
    try:
        return str(uuid.UUID(identifier))
    except ValueError:
        return str(uuid.uuid5(_RUN_IDS, identifier))


def _entry(trace: Trace, producer: str) -> Dataset:
    facts = {"text_hash": trace.explanation_text_hash, "item_id": trace.item_id, "position": trace.position}
    facets = {"streamrec_entry": _own(producer, "DatasetFacet", {**facts, "found_in": trace.found_in})}
    return Dataset(f"{NAMESPACE}:audit-log", trace.explanation_id, facets)


def _snapshots(trace: Trace, producer: str) -> Iterator[Dataset]:
    for name, digest in (("trends", trace.trend_digest), ("users", trace.user_snapshot_digest)):
        if digest:
            yield Dataset(f"{NAMESPACE}:snapshots", name, _version(producer, digest))


def _release(release: TracedRelease, producer: str) -> Iterator[Dataset]:
    pins = {"files": release.files, "git_commit": release.git_commit, "libraries": release.libraries}
    pinned = _own(producer, "DatasetFacet", {**pins, "dagster_run": release.dagster_run})
    name = release.model_version.partition("@")[0]
    facets = {**_version(producer, release.digest), "streamrec_release": pinned}
    yield Dataset(f"{NAMESPACE}:registry", name, facets)
    for part in release.components:
        made = _own(producer, "DatasetFacet", {"runId": run_uuid(part.run_id), "mlflow_run": part.run_id})
        facets = {**_version(producer, part.digest), "streamrec_made_by": made}
        yield Dataset(f"{NAMESPACE}:registry", f"{part.name}/{part.version}", facets)
    for table, digest in release.data.items():
        yield Dataset(f"{NAMESPACE}:events", f"{release.world}/{table}", _version(producer, digest))


def _version(producer: str, digest: str) -> Facets:
    return {"version": {"_producer": producer, "_schemaURL": VERSION_FACET, "datasetVersion": digest}}


def _own(producer: str, kind: str, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """A facet of our own: the base schema of its kind, which allows any further field."""
    return {"_producer": producer, "_schemaURL": f"{SPEC}{kind}", **values}
