"""`streamrec serve`: the service of a home folder, in this terminal."""

import os
from pathlib import Path

import click

from streamrec_explain.cli.launching import check_home
from streamrec_explain.cli.options import home_option
from streamrec_explain.cli.output import Output, with_output
from streamrec_explain.cli.service_process import command


@click.command()
@home_option
@click.option("--port", default=8000, show_default=True, help="Port of this machine.")
@click.option("--workers", default=1, show_default=True, help="Processes that share the port.")
@with_output
def serve(home: Path, port: int, workers: int, output: Output) -> None:
    """Serve explanations of the champion until Ctrl-C or SIGTERM.

    Exit codes: 0 ended when asked, 2 bad settings, 3 the port is busy.
    """
    start = command("explain", check_home(home), port, f"--workers={workers}")
    # The service takes this process over, so that whoever ends this command ends the service itself.
    os.execv(start[0], start)
