"""`streamrec backup` and `restore`: a home folder's keys, journals, tables, ledgers and registry, verified."""

from pathlib import Path

import click

from streamrec_explain.backup import backup as backup_home
from streamrec_explain.backup import restore as restore_home
from streamrec_explain.cli.launching import check_home
from streamrec_explain.cli.options import home_option, now_ms
from streamrec_explain.cli.output import Output, with_output
from streamrec_explain.home import Home


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@home_option
@with_output
def backup(folder: Path, home: Path, output: Output) -> None:
    """Copy what cannot be made again into a new FOLDER, beside a running service; every copy is verified.

    It holds the keys: keep it as private as the home. Exit codes: 0 done, 1 failed, 2 bad input.
    """
    manifest = backup_home(Home(check_home(home)), folder, now_ms=now_ms())
    output.show(f"{len(manifest.files)} files in {folder}", {"files": len(manifest.files), "folder": str(folder)})


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@home_option
@with_output
def restore(folder: Path, home: Path, output: Output) -> None:
    """Make a home of the backup in FOLDER; a home that is not empty is refused.

    The registry remembers where its files were: restore to the same path, or releases that the local cache lacks
    are not found. Exit codes: 0 done, 1 a file is not what was backed up (nothing was restored), 2 bad input.
    """
    manifest = restore_home(folder, home)
    moved = "" if str(home.resolve()) == manifest.home else f"; it was {manifest.home}, see --help about releases"
    output.show(f"{len(manifest.files)} files in {home}{moved}", {"files": len(manifest.files), "was": manifest.home})
