"""`streamrec explain`: one list for one user of the stored world, without a server."""

from pathlib import Path

import click
import msgspec

from streamrec_explain.cli.demo_lists import DemoLists
from streamrec_explain.cli.options import home_option
from streamrec_explain.cli.output import Output, with_output
from streamrec_explain.errors import InvalidInputError
from streamrec_explain.explanation.engine import ExplanationEngine


@click.command()
@click.option("--user", required=True, help="A user id of the world the champion was trained on.")
@home_option
@click.option("--locale", default="en", show_default=True, help="en, de or ja.")
@click.option("--seed", default=0, show_default=True, help="Chooses the random part of the candidates.")
@with_output
def explain(user: str, home: Path, locale: str, seed: int, output: Output) -> None:
    """Rank a list for a user with the champion and explain every item; nothing is logged.

    Exit codes: 0 done, 1 failed, 2 bad input.
    """
    lists = DemoLists(home, seed)
    try:
        context = msgspec.structs.replace(lists.of(user), locale=locale)
    except ValueError:
        raise InvalidInputError(f"--user: the stored world has no user {user!r}") from None
    said = ExplanationEngine(lists.bundle).explain_list(context).explanations
    titles = lists.catalogue.titles
    lines = [
        f"{each.position:>3}  {titles[lists.catalogue.code(each.item_id)] or each.item_id}\n     {each.text}"
        for each in said
    ]
    output.show("\n".join(lines), msgspec.to_builtins(said))
