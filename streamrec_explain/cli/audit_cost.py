"""`streamrec audit-log cost`: what the log takes and costs, beside the case study's figures."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import msgspec

from streamrec_explain.audit_log.maintenance.cost import (
    CASE_STUDY_COLD,
    CASE_STUDY_HOT,
    Assumptions,
    Cost,
    case_study,
    monthly_cost,
    read_assumptions,
)
from streamrec_explain.audit_log.maintenance.retention import RetentionPolicy, read_retention
from streamrec_explain.audit_log.table.column_bytes import TableBytes, table_bytes
from streamrec_explain.cli.options import home_option
from streamrec_explain.cli.output import Output, with_output
from streamrec_explain.cli.stored import audit_log_of
from streamrec_explain.errors import AuditLogError
from streamrec_explain.home import Home


@dataclass(frozen=True)
class CostReport:
    """The JSON of the command: measured bytes, assumptions, and the cost that follows from them."""

    measured: list[TableBytes]
    retention: RetentionPolicy
    assumptions: Assumptions
    cost: Cost
    case_study_at_these_prices: Cost
    case_study_says: dict[str, float]


@click.command()
@home_option
@click.option("--prices", type=click.Path(dir_okay=False, path_type=Path), help="JSON file with other assumptions.")
@with_output
def cost(home: Path, prices: Path | None, output: Output) -> None:
    """Measure the tables' bytes per entry by column, and say what 400 million entries a day would cost.

    Only the bytes are measured; volume and prices are assumptions, listed, and replaced by --prices. While no
    entry is cold yet, a cold one is taken to be as large as a hot one. Exit codes: 0 done, 1 nothing was shipped
    yet, 2 bad input.
    """
    assumed, policy = read_assumptions(prices), read_retention(Home(home).retention)
    measured = [table_bytes(table) for table in audit_log_of(home).tables()]
    sizes = {each.tier: each.per_entry for each in measured if each.entries}
    if not sizes:
        raise AuditLogError(f"nothing was shipped yet; ship first: streamrec audit-log ship --home {home}")
    hot = sizes.get("hot", 0.0) or sizes["cold"]
    expected = monthly_cost(hot, sizes.get("cold", hot), assumed, policy)
    says = {"hot": CASE_STUDY_HOT, "cold": CASE_STUDY_COLD}
    report = CostReport(measured, policy, assumed, expected, case_study(assumed, policy), says)
    output.show("\n".join(_lines(report)), msgspec.to_builtins(report))


def _lines(report: CostReport) -> Iterator[str]:
    for table in report.measured:
        yield (
            f"{table.tier}: {table.entries} entries in {table.files} files, {table.per_entry:.2f} bytes each, "
            f"{table.per_entry - table.replay_per_entry:.2f} without what only replay needs"
        )
        largest = sorted(table.by_column.items(), key=lambda pair: -pair[1])
        yield from (f"  {name:<26}{size / table.entries:8.2f}" for name, size in largest if size)
    assumed = report.assumptions
    yield f"assumed: {', '.join(f'{name} {getattr(assumed, name):g}' for name in assumed.__struct_fields__)}"
    yield f"kept {report.retention.hot_days} days hot, then {report.retention.cold_days} days cold; USD a month:"
    yield f"  {'':<26}{'hot':>10}{'cold':>10}{'requests':>10}{'total':>10}"
    for name, cost in (("measured bytes", report.cost), ("500 bytes, as it says", report.case_study_at_these_prices)):
        figures = (cost.hot_storage, cost.cold_storage, cost.requests, cost.total)
        yield f"  {name:<26}{''.join(f'{figure:10.2f}' for figure in figures)}"
    yield f"  {'the case study says':<26}{CASE_STUDY_HOT:10.2f}{CASE_STUDY_COLD:10.2f}"
    own = report.case_study_at_these_prices
    yield (
        f"The case study's {CASE_STUDY_HOT:.0f} for hot does not follow from its own {own.hot_tb:.1f} TB, "
        f"which are {own.hot_storage:.0f} at {assumed.hot_gb_month} per GB-month."
    )
