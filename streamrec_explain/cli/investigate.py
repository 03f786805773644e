"""`streamrec investigate`: everything there is to say about one explanation, as text, JSON, page or pictures."""

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import click
import msgspec

from streamrec_explain.cli.options import home_option
from streamrec_explain.cli.output import Output, with_output, write_file
from streamrec_explain.cli.stored import audit_log_of, releases_of
from streamrec_explain.features.spec import LOCALES
from streamrec_explain.features.trend_archive import TrendArchive
from streamrec_explain.home import Home
from streamrec_explain.investigation.history import effect_of
from streamrec_explain.investigation.investigation import Investigation, Profile, regulatory
from streamrec_explain.investigation.investigation import investigate as investigate_entry
from streamrec_explain.investigation.pictures import pictures
from streamrec_explain.investigation.report import report_page
from streamrec_explain.investigation.sentences import condition_of, said_title, verdict_of, what_if
from streamrec_explain.investigation.wording import Wording, wording

TOLD = 5


@click.command()
@click.argument("explanation_id")
@home_option
@click.option("--profile", type=click.Choice(get_args(Profile)), default="full", show_default=True,
              help="regulatory: TreeSHAP and integrated gradients only, for the person concerned.")  # fmt: skip
@click.option("--locale", type=click.Choice(LOCALES), help="Language of text and page; the explanation's if left out.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write a self-contained page here.")
@click.option("--charts", type=click.Path(path_type=Path, file_okay=False), help="Write the charts as SVG files here.")
@with_output
def investigate(
    explanation_id: str,
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
    found = investigate_entry(explanation_id, audit_log_of(home), releases_of(home), TrendArchive(Home(home).trends))
    found = regulatory(found) if profile == "regulatory" else found
    words = wording(locale or found.trace.locale)
    if html is not None:
        write_file(html, report_page(found, words.locale))
    if charts is not None:
        for name, picture in pictures(found, words).items():
            write_file(charts / f"{name}.svg", picture)
    output.show("\n".join(_told(found, words)), msgspec.to_builtins(found))


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
