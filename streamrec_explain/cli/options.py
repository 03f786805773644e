"""Options that several commands share."""

import getpass
import time
from pathlib import Path

import click

home_option = click.option(
    "--home",
    type=click.Path(path_type=Path),
    default=Path(".streamrec"),
    show_default=True,
    help="Folder where everything is stored.",
)


def now_ms() -> int:
    """The wall clock in Unix milliseconds."""
    return time.time_ns() // 1_000_000


def user_name() -> str:
    """Who runs the command, for the promotion ledger."""
    return getpass.getuser()
