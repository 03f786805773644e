"""`streamrec audit-log rollup`, `mix` and `trending`: what the log says in numbers."""

from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import get_args

import click
import msgspec

from streamrec_explain.audit_log.questions.queries import EntryFilter, Group
from streamrec_explain.audit_log.questions.rollups import Rollups, apply_rollups, plan_rollups
from streamrec_explain.audit_log.questions.type_mix import mix as mix_of
from streamrec_explain.cli.options import home_option
from streamrec_explain.cli.output import Output, with_output
from streamrec_explain.cli.plans import apply_option, show_plan
from streamrec_explain.cli.stored import audit_log_of, releases_of
from streamrec_explain.explanation.thresholds import Thresholds
from streamrec_explain.features.trend_archive import TrendArchive
from streamrec_explain.home import Home
from streamrec_explain.release.components import load_components
from streamrec_explain.release.model_version import ModelVersion
from streamrec_explain.trending import contradicted_items

DAY = click.DateTime(["%Y-%m-%d"])


@click.command()
@home_option
@apply_option
@with_output
def rollup(home: Path, go_on: bool, output: Output) -> None:
    """Count entries by hour, market, release and type, and by item, wherever the log changed since.

    Exit codes: 0 done or planned, 1 failed, 2 bad input.
    """
    tables, rollups = audit_log_of(home).tables(), Rollups(Home(home).audit_log_rollups)
    plan = plan_rollups(tables, rollups)
    show_plan(output, str(plan), "partitions counted", lambda: apply_rollups(plan, tables, rollups), go_on)


@click.command()
@home_option
@click.option("--by", type=click.Choice(get_args(Group)), default="region", show_default=True, help="Group by this.")
@click.option("--item", help="Of one item.")
@click.option("--region", help="Of one market.")
@click.option("--release", help="Of one release.")
@with_output
def mix(home: Path, by: Group, item: str | None, region: str | None, release: str | None, output: Output) -> None:
    """Show the share of each explanation type per hour, region or release, of what was shipped.

    Says what was read: the roll-ups where they are up to date (see `rollup`), else the tables. Exit codes: 0 done,
    1 failed, 2 bad input.
    """
    wanted = EntryFilter(item_id=item, region=region, model_version=release)
    found = mix_of(audit_log_of(home).tables(), Rollups(Home(home).audit_log_rollups), by, wanted)
    lines = [
        f"{_group(each.group, by):<32} {each.explanation_type:<15} {each.entries:>9} {100 * each.share:5.1f}%"
        for each in found.shares
    ]
    shares = [{**msgspec.to_builtins(each), "share": each.share} for each in found.shares]
    read = f"read from {', '.join(found.read) or 'nothing: nothing was shipped yet'}"
    output.show("\n".join([*(lines or ["no entry"]), read]), {"shares": shares, "read": found.read})


@click.command()
@home_option
@click.option("--from", "first", type=DAY, help="Not before this day (UTC).")
@click.option("--to", "last", type=DAY, help="Up to this day (UTC).")
@with_output
def trending(home: Path, first: datetime | None, last: datetime | None, output: Output) -> None:
    """Find items explained as trending although the trend snapshot of that hour says otherwise.

    Brings the roll-ups up to date first. Exit codes: 0 none was found, 1 some were, or a snapshot is gone.
    """
    tables, rollups = audit_log_of(home).tables(), Rollups(Home(home).audit_log_rollups)
    apply_rollups(plan_rollups(tables, rollups), tables, rollups)
    releases = releases_of(home)

    @lru_cache
    def thresholds(model_version: str) -> Thresholds:
        return load_components(releases.folder(ModelVersion.parse(model_version))).thresholds

    days = (None if day is None else day.date().isoformat() for day in (first, last))
    found = contradicted_items(rollups, TrendArchive(Home(home).trends), thresholds, *days)
    lines = [
        f"{each.item_id} {each.region}: {each.contradicted} of {each.entries} explanations"
        f"{', always' if each.always else ''}"
        for each in found
    ]
    rows = [{**msgspec.to_builtins(each), "always": each.always} for each in found]
    output.show("\n".join(lines) or "no item was explained as trending against its snapshot", rows)
    if found:
        raise SystemExit(1)


def _group(name: str, by: Group) -> str:
    """A group for people: an hour is named by its first Unix ms."""
    return datetime.fromtimestamp(int(name) / 1000, UTC).isoformat(timespec="minutes") if by == "hour" else name
