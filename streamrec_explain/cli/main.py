"""The command `streamrec`: its groups put together."""

import click

from streamrec_explain.cli.demo import demo
from streamrec_explain.cli.events import events
from streamrec_explain.cli.promote import promote, releases, rollback
from streamrec_explain.cli.trace import replay, trace
from streamrec_explain.cli.train import train


@click.group()
@click.version_option(package_name="streamrec-explain")
def main() -> None:
    """Explanations for a recommender that are true of the model, and can be traced and replayed."""


for command in (demo, events, train, promote, rollback, releases, trace, replay):
    main.add_command(command)
