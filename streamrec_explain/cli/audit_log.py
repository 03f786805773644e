"""`streamrec audit-log`: ship, ask, compact, archive and expire; a plan first, `--apply` to do it."""

import os
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from streamrec_explain.audit_log.home_log import active_holds, seals_of
from streamrec_explain.audit_log.maintenance.archive import apply_archive, plan_archive
from streamrec_explain.audit_log.maintenance.compaction import apply_compaction, plan_compaction
from streamrec_explain.audit_log.maintenance.expiry import apply_expiry, plan_expiry
from streamrec_explain.audit_log.maintenance.retention import RetentionPolicy, read_retention
from streamrec_explain.audit_log.questions.lookup import AuditLog
from streamrec_explain.audit_log.questions.queries import EntryFilter
from streamrec_explain.audit_log.questions.streaming import stream_entries
from streamrec_explain.cli.audit_cost import cost
from streamrec_explain.cli.audit_evidence import accesses, prove, prove_extension, seal, verify
from streamrec_explain.cli.audit_people import erase, export, hold
from streamrec_explain.cli.audit_rollups import mix, rollup, trending
from streamrec_explain.cli.audit_snapshots import prune_snapshots
from streamrec_explain.cli.custody import act, key_ring, keys_option, record_access, signing_key_option
from streamrec_explain.cli.options import home_option, now_ms
from streamrec_explain.cli.output import Output, with_output
from streamrec_explain.cli.plans import apply_option, show_plan
from streamrec_explain.cli.ship import ship
from streamrec_explain.cli.store_self_test import self_test
from streamrec_explain.cli.stored import audit_log_of, shipped_log_of
from streamrec_explain.cli.upgrade import upgrade
from streamrec_explain.cli.writing import writes_tables
from streamrec_explain.home import Home
from streamrec_explain.records import EXPLANATION_TYPES

MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"])

hot_days_option = click.option("--hot-days", type=click.IntRange(min=1), help="Instead of what retention.json says.")
cold_days_option = click.option("--cold-days", type=click.IntRange(min=1), help="Instead of what retention.json says.")
today_option = click.option("--now", type=click.DateTime(["%Y-%m-%d"]), help="Plan as of this day (UTC), not today.")


@click.group(name="audit-log")
def audit_log() -> None:
    """The log of every explanation given: journal, hot table, cold table."""


for command in (ship, self_test, upgrade, seal, verify, prove, prove_extension, accesses, erase, export, hold):
    audit_log.add_command(command)
for command in (rollup, mix, trending, cost, prune_snapshots):
    audit_log.add_command(command)


@audit_log.command()
@home_option
@keys_option
@click.option("--user", help="A user id; found under every key of the key ring.")
@click.option("--item", help="An item id.")
@click.option("--release", help="Such as streamrec-release/3@bdf93200.")
@click.option("--type", "kind", type=click.Choice(EXPLANATION_TYPES), help="An explanation type.")
@click.option("--region", help="A market.")
@click.option("--from", "first", type=MOMENT, help="Not before this moment (UTC).")
@click.option("--to", "end", type=MOMENT, help="Before this moment (UTC).")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="Show at most this many.")
@click.option("--stream", is_flag=True, help="Print every entry as it is read, one JSON object a line, without limit.")
@with_output
def query(
    home: Path,
    keys: Path | None,
    user: str | None,
    item: str | None,
    release: str | None,
    kind: str | None,
    region: str | None,
    first: datetime | None,
    end: datetime | None,
    limit: int,
    stream: bool,
    output: Output,
) -> None:
    """Find explanations in journals and tables by user, item, release, type, region and time.

    Each says where it was read: journal, hot or cold. --stream needs no more memory for a large answer than for a
    small one and tells on standard error how many entries came from where. Exit codes: 0 done (even if nothing was
    found), 1 failed, 2 bad input.
    """
    log = audit_log_of(home)
    ring = None if user is None else key_ring(home, keys)
    asked = {"item": item, "release": release, "type": kind, "region": region, "from": _iso(first), "to": _iso(end)}
    record_access(home, "query", asked, () if ring is None else tuple(ring.subjects(str(user)).values()))
    wanted = EntryFilter(
        users=None if ring is None else tuple(ring.pseudonyms(str(user)).values()),
        item_id=item,
        model_version=release,
        explanation_type=kind,
        region=region,
        from_ms=None if first is None else _unix_ms(first),
        to_ms=None if end is None else _unix_ms(end),
    )
    if stream:
        _stream(log, wanted)
        return
    found = log.entries(wanted, limit)
    lines = [
        f"{each.explanation_id}  {each.explanation_type:<15} {each.item_id}  {each.tier}" for each in found.entries
    ]
    lines += ["and more; see --limit"] if found.truncated else []
    output.show("\n".join(lines) or "no entry", msgspec.to_builtins(found))


def _stream(log: AuditLog, wanted: EntryFilter) -> None:
    """Print entries as they are read; a reader that has seen enough ends it."""
    read: Counter[str] = Counter()
    encoder = msgspec.json.Encoder()
    try:
        for entry in stream_entries(log, wanted):
            sys.stdout.write(encoder.encode(entry).decode() + "\n")
            read[entry.tier] += 1
        sys.stdout.flush()
    except BrokenPipeError:
        # Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    told = ", ".join(f"{count} from {tier}" for tier, count in read.items())
    click.echo(f"{read.total()} entries{': ' if told else ''}{told}", err=True)


@audit_log.command()
@home_option
@apply_option
@with_output
@writes_tables
def compact(home: Path, go_on: bool, output: Output) -> None:
    """Rewrite partitions of many small files as few sorted ones; their content stays the same.

    Exit codes: 0 done or planned, 1 failed, 2 bad input.
    """
    hot = shipped_log_of(home).hot
    plan = plan_compaction(hot)
    show_plan(output, str(plan), "partitions rewritten", lambda: apply_compaction(plan, hot), go_on)


@audit_log.command()
@home_option
@apply_option
@today_option
@hot_days_option
@with_output
@writes_tables
def archive(home: Path, go_on: bool, now: datetime | None, hot_days: int | None, output: Output) -> None:
    """Move days past their 90 hot days to the cold tier, verified there before anything is removed here.

    Exit codes: 0 done or planned, 1 failed (nothing unverified was removed), 2 bad input.
    """
    log = shipped_log_of(home)
    plan = plan_archive(log.hot, log.cold, policy=_policy(home, hot_days, None), now_ms=_moment(now))
    show_plan(output, str(plan), "rows moved", lambda: apply_archive(plan, log.hot, log.cold), go_on)


@audit_log.command()
@home_option
@apply_option
@today_option
@hot_days_option
@cold_days_option
@keys_option
@signing_key_option
@with_output
@writes_tables
def expire(
    home: Path,
    go_on: bool,
    now: datetime | None,
    hot_days: int | None,
    cold_days: int | None,
    keys: Path | None,
    signing_key: Path | None,
    output: Output,
) -> None:
    """Remove days past their whole retention (day 820) from every tier, but for what a legal hold keeps back.

    Their files leave the disk a week later, when no reader of an older version of the table can be left; the
    orchestrated `audit_log_expired` deletes them. Exit codes: 0 done or planned, 1 failed, 2 bad input.
    """
    tables, stored = shipped_log_of(home).tables(), Home(home)
    policy, holds = _policy(home, hot_days, cold_days), active_holds(stored, keys)
    plan = plan_expiry(*tables, policy=policy, now_ms=_moment(now), holds=holds)
    show_plan(
        output,
        str(plan),
        "rows removed",
        lambda: apply_expiry(plan, *tables, seals=seals_of(stored, signing_key), act=act("retention"), holds=holds),
        go_on,
    )


def _policy(home: Path, hot_days: int | None, cold_days: int | None) -> RetentionPolicy:
    """The home's retention, or what was given instead."""
    stored = read_retention(Home(home).retention)
    return RetentionPolicy(hot_days or stored.hot_days, cold_days or stored.cold_days)


def _moment(day: datetime | None) -> int:
    return now_ms() if day is None else _unix_ms(day)


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _unix_ms(moment: datetime) -> int:
    return int(moment.replace(tzinfo=UTC).timestamp() * 1000)
