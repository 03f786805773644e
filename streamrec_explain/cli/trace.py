"""`streamrec trace`: where an explanation came from."""

import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import click
import msgspec

from streamrec_explain.cli.custody import record_access
from streamrec_explain.cli.options import home_option
from streamrec_explain.cli.output import Output, with_output, write_file
from streamrec_explain.cli.stored import audit_log_of, releases_of
from streamrec_explain.lineage import run_event
from streamrec_explain.trace import Trace
from streamrec_explain.trace import trace as trace_entry

FORMS = ("text", "json", "openlineage")


@click.command()
@click.argument("explanation_id")
@home_option
@click.option("--format", "form", type=click.Choice(FORMS), default="text", show_default=True,
              help="openlineage: a RunEvent of the OpenLineage specification.")  # fmt: skip
@click.option("--openlineage", "event_file", type=click.Path(path_type=Path, dir_okay=False),
              help="Write the OpenLineage RunEvent here, too.")  # fmt: skip
@with_output
def trace(explanation_id: str, home: Path, form: str, event_file: Path | None, output: Output) -> None:
    """Follow an explanation to its release, models, runs, data and code.

    Exit codes: 0 every link resolved, 1 no such explanation or a link is broken, 2 bad input.
    """
    record_access(home, "trace", {"explanation_id": explanation_id})
    found = trace_of(home, explanation_id)
    event = run_event(found, version("streamrec-explain"))
    if event_file is not None:
        write_file(event_file, event.to_json().decode())
    if form == "openlineage":
        click.echo(event.to_json())
    else:
        Output(output.as_json or form == "json").show(traced(found), msgspec.to_builtins(found))
    sys.exit(1 if found.unresolved else 0)


def trace_of(home: Path, explanation_id: str) -> Trace:
    """The trace of an explanation of a home folder."""
    releases = releases_of(home)
    return trace_entry(explanation_id, audit_log_of(home), releases.folder, releases.registry)


def traced(found: Trace) -> str:
    """A trace as lines of text."""
    when = datetime.fromtimestamp(found.timestamp_ms / 1000, UTC).isoformat(timespec="seconds")
    lines = [
        f"explanation {found.explanation_id} (found in the {found.found_in})",
        f"  {found.explanation_type} for item {found.item_id} at position {found.position}, {when}, {found.region}",
        f"  text hash {found.explanation_text_hash}, template {found.template}, policy {found.policy}, {found.locale}",
        *(f"  claim {each.kind}: {each.verdict} {_evidence(each.evidence)}" for each in found.claims),
        f"  user {found.user_id_hash} under key {found.key_id}; snapshots: trends {found.trend_digest[:8]}, "
        f"users {found.user_snapshot_digest[:8]}",
    ]
    release = found.release
    if release:
        lines += [f"release {release.model_version}, {len(release.files)} files verified, digest {release.digest[:16]}"]
        lines += [f"  model {each.name}/{each.version} from run {each.run_id}" for each in release.components]
        lines += [
            f"  run {each.run_id} ({each.step}, {each.status}), Dagster run {each.dagster_run}" for each in release.runs
        ]
        lines += [f"  bundled by Dagster run {release.dagster_run}", f"  code at commit {release.git_commit}"]
        lines += [f"  data {release.world}/{name} sha256 {digest[:16]}" for name, digest in release.data.items()]
    return "\n".join([*lines, *(f"UNRESOLVED {link}" for link in found.unresolved)])


def _evidence(evidence: object) -> str:
    return msgspec.json.encode(evidence).decode()
