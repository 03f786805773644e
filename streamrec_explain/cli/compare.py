"""`streamrec compare`: how many sentences would change if one release took the place of another."""

from pathlib import Path

import click
import msgspec

from streamrec_explain.cli.options import home_option
from streamrec_explain.cli.output import Output, with_output, write_file
from streamrec_explain.cli.stored import moment_of, releases_of
from streamrec_explain.errors import InvalidInputError
from streamrec_explain.faithfulness.comparison import NamedRelease, ReleaseComparison
from streamrec_explain.faithfulness.comparison import compare as compare_releases
from streamrec_explain.faithfulness.comparison_page import comparison_page
from streamrec_explain.faithfulness.sampling import folds
from streamrec_explain.release.components import load_components
from streamrec_explain.release.model_version import ModelVersion
from streamrec_explain.release.source import ReleaseSource

TOLD = 5


@click.command()
@click.argument("before")
@click.argument("after")
@home_option
@click.option("--lists", default=300, show_default=True, type=click.IntRange(1), help="Users whose list is explained.")
@click.option("--seed", default=0, show_default=True, help="Equal seeds compare the same lists.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write a self-contained page here.")
@with_output
def compare(before: str, after: str, home: Path, lists: int, seed: int, html: Path | None, output: Output) -> None:
    """Explain the same items to the same people with the releases BEFORE and AFTER, and tell what changes.

    Each is a version number or an alias such as champion. The world is the one stored last, at its latest snapshots.
    Exit codes: 0 done, 1 failed (no such release, or one that reads other features), 2 bad input.
    """
    source, moment = releases_of(home), moment_of(home)
    _, users = folds(moment.events, seed)
    found = compare_releases(_named(source, before), _named(source, after), moment, users[:lists], seed)
    if html is not None:
        write_file(html, comparison_page(found))
    output.show(_in_words(found), msgspec.to_builtins(found))


def _named(source: ReleaseSource, asked: str) -> NamedRelease:
    """The release of a version number or an alias."""
    if asked.isdecimal():
        stored = source.registry.version(int(asked))
    elif asked.isidentifier():
        stored = source.registry.aliased(asked)
    else:
        raise InvalidInputError(f"{asked!r} is neither a version number nor an alias such as champion")
    return NamedRelease(str(ModelVersion.of(stored.version, stored.digest)), load_components(source.take(stored)))


def _in_words(found: ReleaseComparison) -> str:
    lines = [
        f"{found.after} in the place of {found.before}: {found.n_lists} lists",
        f"  another type  {found.other_type}",
        f"  another text  {found.other_text}",
    ]
    lines += [f"  {change.n:>7} {change.before} -> {change.after}, {change.other_text} with another text"
              for change in found.changes]  # fmt: skip
    for each in found.examples[:TOLD]:
        lines += ["", f"{each.item_id}", f"  before  {each.before.text}", f"  after   {each.after.text}"]
    return "\n".join(lines)
