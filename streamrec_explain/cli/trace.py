"""`streamrec trace` and `replay`: where an explanation came from, and the same bytes again."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from streamrec_explain.cli.options import home_option
from streamrec_explain.cli.output import Output, with_output
from streamrec_explain.cli.stored import audit_log_of, releases_of
from streamrec_explain.features.trend_archive import TrendArchive
from streamrec_explain.home import Home
from streamrec_explain.release.components import load_components
from streamrec_explain.release.model_version import ModelVersion
from streamrec_explain.replay import Replay
from streamrec_explain.replay import replay as replay_entry
from streamrec_explain.trace import Trace
from streamrec_explain.trace import trace as trace_entry


@click.command()
@click.argument("explanation_id")
@home_option
@with_output
def trace(explanation_id: str, home: Path, output: Output) -> None:
    """Follow an explanation to its release, models, runs, data and code.

    Exit codes: 0 every link resolved, 1 no such explanation or a link is broken.
    """
    found = trace_of(home, explanation_id)
    output.show(traced(found), msgspec.to_builtins(found))
    sys.exit(1 if found.unresolved else 0)


@click.command()
@click.argument("explanation_id")
@home_option
@with_output
def replay(explanation_id: str, home: Path, output: Output) -> None:
    """Compute an explanation again from its audit entry and its release, and compare the bytes.

    Exit codes: 0 the same bytes, 1 different bytes, or the release was changed or is gone.
    """
    found = replay_of(home, explanation_id)
    output.show(replayed(found), msgspec.to_builtins(found))
    sys.exit(0 if found.identical else 1)


def trace_of(home: Path, explanation_id: str) -> Trace:
    """The trace of an explanation of a home folder."""
    releases = releases_of(home)
    return trace_entry(explanation_id, audit_log_of(home), releases.folder, releases.registry)


def replay_of(home: Path, explanation_id: str) -> Replay:
    """The replay of an explanation of a home folder."""
    found = audit_log_of(home).find_entry(explanation_id)
    folder = releases_of(home).folder(ModelVersion.parse(found.request.model_version))
    trends = TrendArchive(Home(home).trends)
    return replay_entry(found.request, found.entry.position, load_components(folder), trends)


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


def replayed(found: Replay) -> str:
    """A replay as lines of text."""
    verdict = "the same bytes" if found.identical else f"DIFFERENT in {', '.join(found.differences)}"
    return (
        f"{found.explanation_id} replayed with {found.model_version}: {verdict}\n"
        f"  {found.explanation.text}\n  entry sha256 {found.replayed_sha256[:16]}, logged {found.logged_sha256[:16]}"
    )


def _evidence(evidence: object) -> str:
    return msgspec.json.encode(evidence).decode()
