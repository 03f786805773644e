"""`streamrec audit-log`: ship, ask, compact, archive and expire; a plan first, `--apply` to do it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from streamrec_explain.audit_log.archive import apply_archive, plan_archive
from streamrec_explain.audit_log.compaction import apply_compaction, plan_compaction
from streamrec_explain.audit_log.expiry import apply_expiry, plan_expiry
from streamrec_explain.audit_log.queries import EntryFilter, entries, type_mix
from streamrec_explain.audit_log.retention import RetentionPolicy
from streamrec_explain.audit_log.shipper import ship_folder
from streamrec_explain.cli.launching import check_home
from streamrec_explain.cli.options import home_option, now_ms
from streamrec_explain.cli.output import Output, with_output
from streamrec_explain.cli.stored import audit_tables
from streamrec_explain.home import Home
from streamrec_explain.pseudonym import load_key_file
from streamrec_explain.records import EXPLANATION_TYPES

apply_option = click.option("--apply", "go_on", is_flag=True, help="Do it; without this only the plan is shown.")
today_option = click.option("--now", type=click.DateTime(["%Y-%m-%d"]), help="Plan as of this day (UTC), not today.")


@click.group(name="audit-log")
def audit_log() -> None:
    """The log of every explanation given: journal, hot table, cold table."""


@audit_log.command()
@home_option
@with_output
def ship(home: Path, output: Output) -> None:
    """Move what the journals hold into the hot table, each request exactly once."""
    hot, _ = audit_tables(check_home(home))
    reports = ship_folder(Home(home).journal, hot, clock=now_ms)
    lines = [f"{each.journal_id}: {each.requests} requests, {each.rows} rows" for each in reports]
    output.show("\n".join(lines) or "no journal", msgspec.to_builtins(reports))


@audit_log.command()
@home_option
@click.option("--user", help="A user id; found under every key of the key ring.")
@click.option("--item")
@click.option("--release", help="Such as streamrec-release/3@bdf93200.")
@click.option("--type", "kind", type=click.Choice(EXPLANATION_TYPES))
@click.option("--region")
@click.option("--limit", default=100, show_default=True)
@with_output
def query(
    home: Path,
    user: str | None,
    item: str | None,
    release: str | None,
    kind: str | None,
    region: str | None,
    limit: int,
    output: Output,
) -> None:
    """Shipped entries by user, item, release, type and region; each says the tier it was read from."""
    users = None if user is None else tuple(load_key_file(Home(home).keys).pseudonyms(user).values())
    wanted = EntryFilter(users=users, item_id=item, model_version=release, explanation_type=kind, region=region)
    present = [table for table in audit_tables(check_home(home)) if table.exists()]
    found = list(entries(present, wanted, limit=limit))[:limit]
    lines = [f"{each.explanation_id}  {each.explanation_type:<15} {each.item_id}  {each.tier}" for each in found]
    output.show("\n".join(lines) or "no entry", msgspec.to_builtins(found))


@audit_log.command()
@home_option
@click.option("--by", type=click.Choice(["hour", "region", "model_version"]), default="region", show_default=True)
@with_output
def mix(home: Path, by: str, output: Output) -> None:
    """The share of each explanation type per hour, region or release."""
    present = [table for table in audit_tables(check_home(home)) if table.exists()]
    found = type_mix(present, by)  # type: ignore[arg-type]  # click allows no other words
    lines = [
        f"{each.group:<32} {each.explanation_type:<15} {each.entries:>9} {100 * each.share:5.1f}%" for each in found
    ]
    output.show("\n".join(lines) or "no entry", msgspec.to_builtins(found))


@dataclass(frozen=True)
class Done:
    """A plan, and how much was done of it (None: it was only shown)."""

    plan: str
    applied: int | None


@audit_log.command()
@home_option
@apply_option
@with_output
def compact(home: Path, go_on: bool, output: Output) -> None:
    """Rewrite partitions of many small files as few sorted ones."""
    hot, _ = audit_tables(check_home(home))
    plan = plan_compaction(hot)
    _show(output, str(plan), go_on, lambda: apply_compaction(plan, hot))


@audit_log.command()
@home_option
@apply_option
@today_option
@with_output
def archive(home: Path, go_on: bool, now: datetime | None, output: Output) -> None:
    """Move days past their 90 hot days to the cold tier, verified before anything is removed."""
    hot, cold = audit_tables(check_home(home))
    plan = plan_archive(hot, cold, policy=RetentionPolicy(), now_ms=_moment(now))
    _show(output, str(plan), go_on, lambda: apply_archive(plan, hot, cold))


@audit_log.command()
@home_option
@apply_option
@today_option
@with_output
def expire(home: Path, go_on: bool, now: datetime | None, output: Output) -> None:
    """Remove days past their whole retention (day 820) from every tier."""
    tables = audit_tables(check_home(home))
    plan = plan_expiry(*tables, policy=RetentionPolicy(), now_ms=_moment(now))
    _show(output, str(plan), go_on, lambda: apply_expiry(plan, *tables))


def _moment(day: datetime | None) -> int:
    return now_ms() if day is None else int(day.replace(tzinfo=UTC).timestamp() * 1000)


def _show(output: Output, plan: str, go_on: bool, apply: Callable[[], int]) -> None:
    done = Done(plan, apply() if go_on else None)
    told = "nothing was changed; --apply does it" if done.applied is None else f"done: {done.applied}"
    output.show(f"{plan}\n{told}", done)
