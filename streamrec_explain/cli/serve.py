"""`streamrec serve`: the service of a home folder, in this terminal."""

import subprocess
import sys
from pathlib import Path

import click

from streamrec_explain.cli.launching import check_home
from streamrec_explain.cli.options import home_option
from streamrec_explain.cli.output import Output, with_output
from streamrec_explain.cli.service_process import command


@click.command()
@home_option
@click.option("--port", default=8000, show_default=True)
@click.option("--workers", default=1, show_default=True, help="Processes that share the port.")
@with_output
def serve(home: Path, port: int, workers: int, output: Output) -> None:
    """Serve explanations of the champion until Ctrl-C.

    Exit codes: 0 ended when asked, 2 bad settings, 3 the port is busy.
    """
    started = command("explain", check_home(home), port, f"--workers={workers}")
    with subprocess.Popen(started) as process:
        try:
            status = process.wait()
        except KeyboardInterrupt:
            # The terminal sent the signal to the service too; it drains and ends by itself.
            status = process.wait()
    sys.exit(status)
