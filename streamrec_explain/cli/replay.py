"""`streamrec replay`: one explanation, or a sample of the whole log, computed again to the same bytes."""

import sys
import time
from pathlib import Path

import click
import msgspec

from streamrec_explain.audit_log.questions.queries import EntryFilter
from streamrec_explain.audit_log.questions.sample import draw
from streamrec_explain.cli.custody import record_access
from streamrec_explain.cli.options import home_option
from streamrec_explain.cli.output import Output, with_output
from streamrec_explain.cli.stored import audit_log_of, releases_of
from streamrec_explain.errors import EntryNotFoundError, InvalidInputError
from streamrec_explain.features.trend_archive import TrendArchive
from streamrec_explain.home import Home
from streamrec_explain.release.components import load_components
from streamrec_explain.release.model_version import ModelVersion
from streamrec_explain.replay import Replay, SampleReplay, replay_sample
from streamrec_explain.replay import replay as replay_entry
from streamrec_explain.statistics.intervals import Rate


class TimedSample(msgspec.Struct, frozen=True):
    """A replayed sample: how many of the drawn entries gave the same bytes, and how long all of it took."""

    replay: SampleReplay
    identical: int
    entries: int
    seconds: float

    @property
    def all_identical(self) -> bool:
        """Whether every drawn entry gave the same bytes."""
        return self.identical == self.entries


@click.command()
@click.argument("explanation_id", required=False)
@click.option("--sample", "count", type=click.IntRange(min=1), help="Replay so many entries of all tiers and releases.")
@click.option("--seed", default=0, show_default=True, help="Equal seeds draw equal entries.")
@click.option("--release", help="Draw from this release only, such as streamrec-release/3@bdf93200.")
@home_option
@with_output
def replay(
    explanation_id: str | None, count: int | None, seed: int, release: str | None, home: Path, output: Output
) -> None:
    """Compute explanations again from their audit entries and their releases, and compare the bytes.

    Exit codes: 0 the same bytes, 1 different bytes, or a release was changed or is gone, 2 bad input.
    """
    if (explanation_id is None) == (count is None):
        raise InvalidInputError("name one explanation, or a number to draw: streamrec replay --sample 1000")
    record_access(home, "replay", {"explanation_id": explanation_id, "sample": count, "release": release})
    if explanation_id is not None:
        found = replay_of(home, explanation_id)
        output.show(replayed(found), msgspec.to_builtins(found))
        sys.exit(0 if found.identical else 1)
    sampled = sample_of(home, count or 0, seed, EntryFilter(model_version=release))
    output.show(sample_replayed(sampled), msgspec.to_builtins(sampled))
    sys.exit(0 if sampled.all_identical else 1)


def replay_of(home: Path, explanation_id: str) -> Replay:
    """The replay of an explanation of a home folder."""
    found = audit_log_of(home).find_entry(explanation_id)
    folder = releases_of(home).folder(ModelVersion.parse(found.request.model_version))
    return replay_entry(found.request, found.entry.position, load_components(folder), TrendArchive(Home(home).trends))


def sample_of(home: Path, count: int, seed: int, wanted: EntryFilter) -> TimedSample:
    """Draw entries of a home folder's audit log and replay them; EntryNotFoundError if there are none."""
    started = time.monotonic()
    log = audit_log_of(home)
    sample = draw(log, count, seed, wanted)
    if not sample:
        raise EntryNotFoundError(f"no entry to draw in the audit log of {home}")
    found = replay_sample(log, sample, releases_of(home).folder, TrendArchive(Home(home).trends))
    rate = found.rate
    return TimedSample(found, rate.successes, rate.n, round(time.monotonic() - started, 3))


def replayed(found: Replay) -> str:
    """A replay as lines of text."""
    verdict = "the same bytes" if found.identical else f"DIFFERENT in {', '.join(found.differences)}"
    return (
        f"{found.explanation_id} replayed with {found.model_version}: {verdict}\n"
        f"  {found.explanation.text}\n  entry sha256 {found.replayed_sha256[:16]}, logged {found.logged_sha256[:16]}"
    )


def sample_replayed(found: TimedSample) -> str:
    """A replayed sample as lines of text."""
    rate = Rate(found.identical, found.entries)
    low, high = 100 * rate.interval().low, 100 * rate.interval().high
    lines = [f"{each.tier:<8} {each.model_version}: {each.identical} of {each.entries}" for each in found.replay.strata]
    lines += [f"DIFFERENT {each.explanation_id}: {', '.join(each.differences)}" for each in found.replay.different]
    lines += [f"REFUSED {release}: {why}" for release, why in found.replay.refused.items()]
    share = f"{100 * rate.value:.1f}% [{low:.1f}, {high:.1f}]"
    first = f"the same bytes: {found.identical} of {found.entries} entries, {share}"
    last = f"{found.seconds:.1f} s, {found.entries / found.seconds:.0f} entries/s, reading and loading included"
    return "\n".join([first, *lines, last])
