"""`streamrec serve`: the service of a home folder, in this terminal."""

import os
import shlex
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

    A shipper that dies is started again, after 1 s, 2 s, 4 s and so on up to a minute, and each death is told. Where
    another process ships the audit log of this home folder (a container beside this one), say --no-ship; two
    shippers do no harm. Exit codes: 0 ended when asked, 2 bad settings, 3 the port is busy.
    """
    options = [f"--workers={workers}"]
    if ships:
        # It ends when this process is gone, even if that was killed.
        beside = shipper_command(check_home(home), f"--with-process={os.getpid()}")
        options.append(f"--shipper={shlex.join(beside)}")
    start = command("explain", check_home(home), port, *options)
    # The service takes this process over, so that whoever ends this command ends the service itself.
    os.execv(start[0], start)
