"""`streamrec audit-log upgrade`: tables of an earlier version become tables of this one."""

from pathlib import Path

import click

from streamrec_explain.audit_log.maintenance.upgrade import apply_upgrade, plan_upgrade
from streamrec_explain.cli.launching import check_home
from streamrec_explain.cli.options import home_option
from streamrec_explain.cli.output import Output, with_output
from streamrec_explain.cli.plans import apply_option, show_plan
from streamrec_explain.cli.stored import audit_tables
from streamrec_explain.cli.writing import writes_tables


@click.command()
@home_option
@apply_option
@with_output
@writes_tables
def upgrade(home: Path, go_on: bool, output: Output) -> None:
    """Rewrite tables that an earlier version wrote, each in one commit, so that this version can use them.

    End every shipper first: what it ships meanwhile makes the upgrade refuse. Exit codes: 0 done or planned,
    1 failed (the table is as it was), 2 bad input.
    """
    tables = audit_tables(check_home(home))
    plan = plan_upgrade(*tables)
    show_plan(output, str(plan), "rows rewritten", lambda: apply_upgrade(plan, *tables), go_on)
