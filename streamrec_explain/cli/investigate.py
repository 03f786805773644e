"""`streamrec investigate`: everything there is to say about one explanation, as text, JSON, page or pictures."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import click
import msgspec

from streamrec_explain.audit_log.questions.queries import EntryFilter
from streamrec_explain.audit_log.questions.sample import draw
from streamrec_explain.cli.custody import record_access
from streamrec_explain.cli.options import home_option
from streamrec_explain.cli.output import EXIT_REFUSED, Output, with_output, write_file
from streamrec_explain.cli.stored import audit_log_of, releases_of
from streamrec_explain.errors import EntryNotFoundError, InvalidInputError
from streamrec_explain.features.spec import LOCALES
from streamrec_explain.features.trend_archive import TrendArchive
from streamrec_explain.home import Home
from streamrec_explain.investigation.history import effect_of
from streamrec_explain.investigation.investigation import Investigation, Profile, regulatory
from streamrec_explain.investigation.investigation import investigate as investigate_entry
from streamrec_explain.investigation.pictures import pictures
from streamrec_explain.investigation.report import report_page
from streamrec_explain.investigation.sample import SampleInvestigation, investigate_sample
from streamrec_explain.investigation.sentences import condition_of, said_title, verdict_of, what_if
from streamrec_explain.investigation.wording import Wording, wording
from streamrec_explain.statistics.intervals import Rate

TOLD = 5


@click.command()
@click.argument("explanation_id", required=False)
@click.option("--sample", "count", type=click.IntRange(min=1), help="Investigate so many entries drawn from the log.")
@click.option("--seed", default=0, show_default=True, help="Equal seeds draw equal entries.")
@home_option
@click.option("--profile", type=click.Choice(get_args(Profile)), default="full", show_default=True,
              help="regulatory: TreeSHAP and integrated gradients only, for the person concerned.")  # fmt: skip
@click.option("--locale", type=click.Choice(LOCALES), help="Language of text and page; the explanation's if left out.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write a self-contained page here.")
@click.option("--charts", type=click.Path(path_type=Path, file_okay=False), help="Write the charts as SVG files here.")
@with_output
def investigate(
    explanation_id: str | None,
    count: int | None,
    seed: int,
    home: Path,
    profile: Profile,
    locale: str | None,
    html: Path | None,
    charts: Path | None,
    output: Output,
) -> None:
    """Replay an explanation, attribute it in full, check its claims again, and search what would have changed it.

    Exit codes: 0 done, 1 no such explanation, or its release or trend snapshot is gone or was changed, or it says
    something else now, 2 bad input.
    """
    if (explanation_id is None) == (count is None):
        raise InvalidInputError("name one explanation, or a number to draw: streamrec investigate --sample 200")
    record_access(home, "investigate", {"explanation_id": explanation_id, "sample": count, "profile": profile})
    if explanation_id is None:
        _sample(home, count or 0, seed, output)
        return
    found = investigate_entry(explanation_id, audit_log_of(home), releases_of(home), TrendArchive(Home(home).trends))
    found = regulatory(found) if profile == "regulatory" else found
    words = wording(locale or found.trace.locale)
    if html is not None:
        write_file(html, report_page(found, words.locale))
    if charts is not None:
        for name, picture in pictures(found, words).items():
            write_file(charts / f"{name}.svg", picture)
    output.show("\n".join(_told(found, words)), msgspec.to_builtins(found))


def _sample(home: Path, count: int, seed: int, output: Output) -> None:
    log, started = audit_log_of(home), time.process_time()
    sample = draw(log, count, seed, EntryFilter())
    if not sample:
        raise EntryNotFoundError(f"no entry to draw in the audit log of {home}")
    found = investigate_sample(log, sample, releases_of(home), TrendArchive(Home(home).trends))
    cpu_s = time.process_time() - started
    output.show("\n".join(_summary(found, cpu_s)), msgspec.to_builtins(found) | {"cpu_s": cpu_s})
    sys.exit(EXIT_REFUSED if found.refused else 0)


def _summary(found: SampleInvestigation, cpu_s: float) -> Iterator[str]:
    """A sample's investigation as lines of text."""
    yield f"explanations investigated: {found.investigated}, {cpu_s / max(found.investigated, 1):.2f} s of CPU each"
    yield f"claims that hold when checked again       {_rate(found.claims)}"
    yield f"a searched change alters the place        {_rate(found.place)}"
    yield f"a searched change alters the sentence     {_rate(found.sentence)}"
    yield f"SHAP of the history split over events     {_rate(found.split)}"
    shap, removal, gradients = found.shap_residual, found.removal_residual, found.gradient_residual
    yield f"largest residuals: SHAP {shap:.1e}, removal {removal:.1e}, gradients (relative) {gradients:.1e}"
    kinds = ", ".join(f"{kind} {count}" for kind, count in found.smallest.items())
    yield f"smallest change that alters the place: {kinds or 'none'}"
    yield from (f"REFUSED {name}: {why}" for name, why in found.refused.items())


def _rate(rate: Rate) -> str:
    interval = rate.interval()
    return f"{100 * rate.value:.1f}% [{100 * interval.low:.1f}, {100 * interval.high:.1f}] ({rate.successes}/{rate.n})"


def _told(found: Investigation, words: Wording) -> Iterator[str]:
    """An investigation as lines of text."""
    trace = found.trace
    yield f"{trace.explanation_id} ({trace.found_in}), {trace.release.model_version if trace.release else 'no release'}"
    yield f"  {said_title(trace.item_id, found, words)}, {found.place}/{found.list_items}: {found.text}"
    if found.features is not None:
        sums = f"{found.features.base_value:+.4f} + SHAP = {found.features.raw_score:+.4f}"
        yield f"{words.say('reasons')} ({sums}, {words.say('record.residual')} {found.features.residual:.1e})"
        for reason in found.features.ranked[:TOLD]:
            yield f"  {words.change(reason.shap):<16} {reason.display[words.locale]}"
    if found.history is not None and found.history.events:
        yield words.say("history")
        for item in found.history.ranked[:TOLD]:
            yield f"  {words.change(effect_of(item)):<16} {said_title(item.item_id, found, words)}"
    yield words.say("what_if")
    yield from (f"  {sentence}" for sentence in what_if(found, words))
    yield f"{words.say('claims')} {verdict_of(found.claims, words)}"
    for condition in (each for claim in found.claims for each in claim.conditions):
        yield f"  {'✓' if condition.holds else '✗'} {condition_of(condition, words)}"
    yield from (f"note: {note}" for note in found.notes)
    yield from (f"UNRESOLVED {link}" for link in trace.unresolved)
