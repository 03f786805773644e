"""The command `streamrec`: its groups put together."""

import click

from streamrec_explain.cli.audit_log import audit_log
from streamrec_explain.cli.demo import demo
from streamrec_explain.cli.events import events
from streamrec_explain.cli.explain import explain
from streamrec_explain.cli.promote import promote, releases, rollback
from streamrec_explain.cli.serve import serve
from streamrec_explain.cli.trace import replay, trace
from streamrec_explain.cli.train import train
from streamrec_explain.cli.up import up


@click.group()
@click.version_option(package_name="streamrec-explain")
def main() -> None:
    """Explanations for a recommender that are true of the model, and can be traced and replayed."""


COMMANDS = (
    demo, events, train, promote, rollback, releases, explain, serve, trace, replay, audit_log, up,
)  # fmt: skip
for command in COMMANDS:
    main.add_command(command)

if __name__ == "__main__":
    main()
