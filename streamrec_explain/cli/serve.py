"""`streamrec serve`: the service of a home folder, in this terminal."""

import os
import subprocess
from pathlib import Path

import click

from streamrec_explain.cli.launching import check_home
from streamrec_explain.cli.options import home_option
from streamrec_explain.cli.output import Output, with_output
from streamrec_explain.cli.service_process import command, shipper_command


@click.command()
@home_option
@click.option("--port", default=8000, show_default=True, help="Port of this machine.")
@click.option("--workers", default=1, show_default=True, help="Processes that share the port.")
@click.option("--ship/--no-ship", "ships", default=True, help="Ship the audit log from a process beside it.")
@with_output
def serve(home: Path, port: int, workers: int, ships: bool, output: Output) -> None:
    """Serve explanations of the champion until Ctrl-C or SIGTERM.

    Where another process ships the audit log of this home folder (a container beside this one), say --no-ship; two
    shippers do no harm. Exit codes: 0 ended when asked, 2 bad settings, 3 the port is busy.
    """
    if ships:
        # A session of its own, so that Ctrl-C drains the service first; it ends when the service is gone.
        command_line = shipper_command(check_home(home), f"--with-process={os.getpid()}")
        subprocess.Popen(command_line, start_new_session=True)
    start = command("explain", check_home(home), port, f"--workers={workers}")
    # The service takes this process over, so that whoever ends this command ends the service itself.
    os.execv(start[0], start)
