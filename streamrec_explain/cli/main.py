"""The command `streamrec`: its groups put together."""

import click

from streamrec_explain.cli.events import events


@click.group()
@click.version_option(package_name="streamrec-explain")
def main() -> None:
    """Explanations for a recommender that are true of the model, and can be traced and replayed."""


main.add_command(events)
