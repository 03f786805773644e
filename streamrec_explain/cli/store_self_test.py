"""`streamrec audit-log self-test`: whether a store bears concurrent writers."""

import sys
from pathlib import Path

import click
import msgspec

from streamrec_explain.audit_log.table.store import AuditStore, store_of
from streamrec_explain.cli.launching import check_home
from streamrec_explain.cli.options import home_option
from streamrec_explain.cli.output import Output, with_output
from streamrec_explain.cli.writing import fresh_name
from streamrec_explain.home import Home


@click.command(name="self-test")
@click.argument("uri", required=False)
@home_option
@click.option("--races", type=click.IntRange(min=1), default=60, show_default=True, help="How often.")
@click.option("--ways", type=click.IntRange(min=2), default=4, show_default=True, help="Writers in each race.")
@with_output
def self_test(uri: str | None, home: Path, races: int, ways: int, output: Output) -> None:
    """Race writers for the same object of a store: exactly one may win each race, and no commit may be lost.

    URI is a folder such as s3://bucket/folder, reached with the options of HOME/audit_store.json or what the
    environment says (AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID ...); without it the store of the home folder is tried. What
    is written is removed again. Exit codes: 0 safe, 1 not safe, or the store cannot be used, 2 bad input.
    """
    store = _store(uri, home)
    found = store.races(fresh_name(), races=races, ways=ways)
    verdict = "safe for concurrent writers" if found.sound else "NOT safe: concurrent writers would lose commits"
    output.show(f"{store.uri}: {found}\n{verdict}", msgspec.to_builtins(found) | {"sound": found.sound})
    sys.exit(0 if found.sound else 1)


def _store(uri: str | None, home: Path) -> AuditStore:
    """The store of the home folder, or another place that its options reach."""
    if uri is None:
        return store_of(Home(check_home(home)))
    options = store_of(Home(home)).options if Home(home).audit_store.exists() else {}
    return AuditStore(uri=uri, options=options)
