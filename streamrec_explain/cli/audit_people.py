"""`streamrec audit-log erase`, `export`, `hold`: what a person may ask for, and what the law keeps back."""

import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from streamrec_explain.audit_log.custody.erasure import plan_erasure
from streamrec_explain.audit_log.custody.holds import HoldScope
from streamrec_explain.audit_log.evidence.ledger_records import HoldPlaced, HoldReleased
from streamrec_explain.audit_log.home_log import active_holds, holds_of, log_of, seals_of
from streamrec_explain.cli.audit_evidence import DAY, day_name
from streamrec_explain.cli.custody import (
    act,
    key_ring,
    keys_option,
    reason_option,
    reason_without,
    record_access,
    signing_key_option,
)
from streamrec_explain.cli.launching import check_home
from streamrec_explain.cli.options import home_option
from streamrec_explain.cli.output import EXIT_REFUSED, Output, with_output
from streamrec_explain.cli.plans import apply_option
from streamrec_explain.cli.writing import writes_tables
from streamrec_explain.event_sources import SourceOfPerson, recorded_sources, sources_of_person
from streamrec_explain.features.spec import DEFAULT_SPEC
from streamrec_explain.files_naming import files_naming
from streamrec_explain.home import Home
from streamrec_explain.personal_data import (
    PersonalData,
    erase_person,
    person_of,
    personal_data,
    snapshots_naming,
)
from streamrec_explain.training_copy import rows_of_user

SHORTEST_SEARCHED = 6  # a shorter id, such as "5", is found everywhere and means nothing


class ErasureShown(msgspec.Struct, frozen=True):
    """What an erasure would do or did: `left` names files of the home that still name the person.

    `id_searched` is false for an id too short to be told from other bytes: then only pseudonyms were searched for.
    `sources` are the event folders that are known of, whether or not they name the person; `to_do` what to do there.
    """

    plan: str
    applied: int | None
    kept: int
    holds: tuple[str, ...]
    left: tuple[str, ...]
    id_searched: bool
    sources: tuple[SourceOfPerson, ...]
    to_do: tuple[str, ...]


@click.command()
@click.argument("user")
@home_option
@keys_option
@signing_key_option
@apply_option
@click.option("--reason", default="the person asked", show_default=True, help="Why, for the ledger; no names.")
@click.option("--data", multiple=True, type=click.Path(), help="A further folder of events to look into; repeatable.")
@with_output
@writes_tables
def erase(
    user: str,
    home: Path,
    keys: Path | None,
    signing_key: Path | None,
    go_on: bool,
    reason: str,
    data: tuple[str, ...],
    output: Output,
) -> None:
    """Erase a person: journals, both tables with their history, user snapshots, the copy of the last training.

    Readers of old versions must restart. The folders that training read are looked into, never changed: what still
    names the person there is told (streamrec events erase). Ledgers keep a keyed digest only. Legal holds keep their
    requests back; run it again after the release. Exit codes: 0 done or planned, 1 failed or kept back in part, 2 bad
    input.
    """
    stored, ring = Home(check_home(home)), key_ring(home, keys)
    log, holds = log_of(stored), active_holds(stored, keys)
    plan = plan_erasure(log, person_of(user, ring), holds)
    text = "\n".join([str(plan), *_beside_the_log(stored, user)])
    places = None
    if go_on:
        why = act(reason_without(user, reason))
        places = erase_person(user, plan, log, stored, seals=seals_of(stored, signing_key), act=why)
        holds_of(stored).forget_released()
    names_searched = (*plan.person.pseudonyms, *([user] if len(user) >= SHORTEST_SEARCHED else []))
    left = _still_naming(stored, names_searched) if go_on and not plan.kept else ()
    names = tuple(hold.hold_id for hold in plan.holds) if plan.kept else ()
    sources = sources_of_person((*recorded_sources(stored), *data), user)
    to_do = tuple(line for each in sources for line in each.advice)
    shown = ErasureShown(text, places, plan.kept, names, left, user in names_searched, sources, to_do)
    output.show(_told(shown), msgspec.to_builtins(shown))
    sys.exit(EXIT_REFUSED if go_on and plan.kept else 0)


@click.command()
@click.argument("user")
@home_option
@keys_option
@with_output
def export(user: str, home: Path, keys: Path | None, output: Output) -> None:
    """Print everything held about a person as JSON: explanations with claims and inputs, snapshot features, holds.

    And their events in the copy that the last training left.
    Exit codes: 0 done (even if nothing is held), 1 failed, 2 bad input.
    """
    found = _exported(user, home, keys)
    text = msgspec.json.format(msgspec.json.encode(found)).decode()
    output.show(text, msgspec.to_builtins(found))


@click.group()
def hold() -> None:
    """Legal holds: what must be kept beats expiry and erasure."""


@hold.command()
@home_option
@keys_option
@signing_key_option
@click.option("--user", help="A user id.")
@click.option("--request", help="A request id.")
@click.option("--item", help="An item id.")
@click.option("--release", "model_version", help="Such as streamrec-release/3@bdf93200.")
@click.option("--region", help="A market.")
@click.option("--from", "first", type=DAY, help="From this day (UTC).")
@click.option("--to", "last", type=DAY, help="To this day (UTC), itself included.")
@reason_option
@with_output
def add(
    home: Path,
    keys: Path | None,
    signing_key: Path | None,
    user: str | None,
    request: str | None,
    item: str | None,
    model_version: str | None,
    region: str | None,
    first: datetime | None,
    last: datetime | None,
    reason: str,
    output: Output,
) -> None:
    """Hold the entries that meet every condition given; their whole requests are kept.

    Exit codes: 0 done, 1 refused, 2 bad input.
    """
    stored = Home(check_home(home))
    scope = HoldScope(
        user_id=user,
        request_id=request,
        item_id=item,
        model_version=model_version,
        region=region,
        first_day=day_name(first),
        last_day=day_name(last),
    )
    why = act(reason if user is None else reason_without(user, reason))
    ring = key_ring(home, keys) if user is not None else None
    placed = holds_of(stored).place(scope, keys=ring, signer=seals_of(stored, signing_key).signer, act=why)
    output.show(_line(placed), msgspec.to_builtins(placed))


@hold.command()
@click.argument("hold_id")
@home_option
@signing_key_option
@reason_option
@with_output
def release(hold_id: str, home: Path, signing_key: Path | None, reason: str, output: Output) -> None:
    """End a hold; expiry and erasure complete what it kept back when they run next.

    Exit codes: 0 done, 1 there is no such hold, 2 bad input.
    """
    stored = Home(check_home(home))
    holds_of(stored).release(hold_id, signer=seals_of(stored, signing_key).signer, act=act(reason))
    output.show(f"{hold_id} released", {"released": hold_id})


@hold.command(name="list")
@home_option
@with_output
def list_holds(home: Path, output: Output) -> None:
    """Show every hold placed and released, oldest first.

    Exit codes: 0 done, 2 bad input.
    """
    found = holds_of(Home(check_home(home))).history()
    output.show("\n".join(map(_line, found)) or "no hold", msgspec.to_builtins(found))


def _exported(user: str, home: Path, keys: Path | None) -> PersonalData:
    stored, ring = Home(check_home(home)), key_ring(home, keys)
    record_access(home, "export", {}, tuple(ring.subjects(user).values()))
    return personal_data(user, ring, log_of(stored), stored, holds_of(stored), DEFAULT_SPEC)


def _beside_the_log(home: Home, user: str) -> Iterator[str]:
    """What else of the home holds the person, a line each."""
    yield from (f"  {path}: 1" for path in snapshots_naming(home.users, user))
    copied = rows_of_user(home.values, user).values()
    if copied:
        yield f"  {home.values / 'events'}: {sum(table.num_rows for table in copied)}"


def _still_naming(home: Home, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(str(path.relative_to(home.root)) for path in files_naming(home.root, names))


def _told(shown: ErasureShown) -> str:
    sources = [f"AT ITS SOURCE: {line}" for line in shown.to_do]
    if shown.applied is None:
        return "\n".join([shown.plan, *sources, "nothing was changed; --apply does it"])
    lines = [shown.plan, f"places that lost something: {shown.applied}"]
    if shown.kept:
        lines.append(f"KEPT BACK: {shown.kept} entries under {', '.join(shown.holds)}; run it again after the release")
    lines += [f"STILL NAMED in {name}: delete it, or make it again without them" for name in shown.left]
    if not shown.id_searched:
        lines.append("the id is too short to search files for: its pseudonyms and columns of users were searched")
    return "\n".join([*lines, *sources])


def _line(each: HoldPlaced | HoldReleased) -> str:
    when = datetime.fromtimestamp(each.at_ms / 1000, UTC).isoformat(timespec="seconds")
    if isinstance(each, HoldReleased):
        return f"{when} {each.who} released {each.hold_id}: {each.why}"
    names = ("request_id", "item_id", "model_version", "region", "first_day", "last_day")
    scope = [f"{name}={getattr(each, name)}" for name in names if getattr(each, name) is not None]
    scope += [f"person={each.subjects[-1][:8]}"] if each.subjects else []
    return f"{when} {each.who} placed {each.hold_id} on {' '.join(scope)}: {each.why}"
