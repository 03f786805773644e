"""`streamrec audit-log prune-snapshots`: delete snapshots that no entry, hold or service needs any more."""

from pathlib import Path

import click

from streamrec_explain.audit_log.home_log import evidence_of, holds_of
from streamrec_explain.cli.options import home_option, now_ms
from streamrec_explain.cli.output import Output, with_output
from streamrec_explain.cli.plans import apply_option, show_plan
from streamrec_explain.cli.stored import shipped_log_of
from streamrec_explain.home import Home
from streamrec_explain.snapshot_retention import DEFAULT_KEEP_DAYS, apply_snapshots, plan_snapshots


@click.command(name="prune-snapshots")
@home_option
@apply_option
@click.option(
    "--keep-days",
    type=click.IntRange(min=1),
    default=DEFAULT_KEEP_DAYS,
    show_default=True,
    help="Keep what was replaced less than so many days ago: a service may still answer with it.",
)
@with_output
def prune_snapshots(home: Path, go_on: bool, keep_days: int, output: Output) -> None:
    """Delete trend snapshots that no entry of any tier names, and user snapshots that no hold keeps.

    The latest ones stay, and those replaced lately. Run it after expire; it is safe beside a running service. Exit
    codes: 0 done or planned, 1 failed, 2 bad input.
    """
    log, stored = shipped_log_of(home), Home(home)
    holds, ledger = holds_of(stored), evidence_of(stored).ledger
    plan = plan_snapshots(stored, log, holds, now_ms=now_ms(), keep_days=keep_days)
    show_plan(output, str(plan), "files deleted", lambda: apply_snapshots(plan, stored, log, holds, ledger), go_on)
