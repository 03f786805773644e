"""Commands on event data: `streamrec events validate`, `streamrec events erase`."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from streamrec_explain.cli.output import Output, with_output
from streamrec_explain.cli.plans import apply_option
from streamrec_explain.events.erasure import EventErasure, apply_event_erasure, plan_event_erasure
from streamrec_explain.events.problems import describe, headlines
from streamrec_explain.events.readers import SYNTHETIC, WORLDS, read_world
from streamrec_explain.events.report import ReadResult


@click.group()
def events() -> None:
    """Look at event data before anything is trained on it."""


@events.command()
@click.option("--world", type=click.Choice(WORLDS), default=SYNTHETIC, show_default=True, help="Kind of data.")
@click.option("--data", type=click.Path(path_type=Path), help="Folder of the files; none for synthetic.")
@click.option("--quarantine", type=click.Path(path_type=Path), help="Set bad rows aside in this folder and go on.")
@click.option("--seed", default=0, show_default=True, help="Seed of the synthetic world.")
@click.option("--users", default=2_000, show_default=True, help="Users of the synthetic world.")
@with_output
def validate(output: Output, world: str, data: Path | None, quarantine: Path | None, seed: int, users: int) -> None:
    """Check a folder of events against the schema, and write nothing.

    Exit codes: 0 all rows are good or were set aside with --quarantine, 2 some are not: file, row (line of a text
    file, from 1; row of a Parquet file, from 0), column and code of every kind of problem are named.
    """
    result = read_world(world, data, seed=seed, scale=users, quarantine=quarantine)
    output.show(_as_text(result, quarantine), _as_json(result))


@dataclass(frozen=True)
class EventErasureShown:
    """What a folder held of the person, and how many rows were removed (None: it was only looked into)."""

    found: EventErasure
    removed: int | None


@events.command()
@click.argument("user")
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Folder of the files.")
@apply_option
@with_output
def erase(user: str, data: Path, go_on: bool, output: Output) -> None:
    """Remove a person's rows from a folder of events, of any world that can be read; a plan first.

    Every file is rewritten beside itself, read back, and only then put in place. Erase them from the audit log too
    (streamrec audit-log erase), and train again. Exit codes: 0 done or planned, 2 bad input or a file that cannot be
    rewritten (it is then as it was).
    """
    plan = plan_event_erasure(data, user)
    shown = EventErasureShown(plan, apply_event_erasure(plan, user) if go_on else None)
    told = "nothing was changed; --apply does it" if shown.removed is None else f"rows removed: {shown.removed}"
    output.show(f"{plan}\n{told}", shown)


def _as_json(result: ReadResult) -> dict[str, Any]:
    """The report and the sizes and digests of the world's tables."""
    report, world = result.report, result.world
    tables = {name: {"rows": getattr(world, name).num_rows, "digest": digest} for name, digest in world.digests.items()}
    totals = {"rows_read": report.rows_read, "rows_quarantined": report.rows_quarantined}
    return {"world": world.name, "source": world.source, "tables": tables, **totals, **asdict(report)}


def _as_text(result: ReadResult, quarantine: Path | None) -> str:
    report, world = result.report, result.world
    lines = [f"{world.name}: {world.source}"]
    lines += [f"  {file.file}: {file.rows_read:,} rows read" for file in report.files]
    lines += [f"  {note.file}: {note.rows:,} {note.message}" for note in report.notes]
    if report.rows_quarantined:
        lines.append(f"{report.rows_quarantined:,} bad rows set aside in {quarantine}, among them:")
        lines += [f"  {describe(problem)}" for problem in headlines(report.problems)]
    lines.append(
        f"valid: {world.impressions.num_rows:,} impressions, {world.items.num_rows:,} items, "
        f"{world.users.num_rows:,} users, {world.surveys.num_rows:,} survey answers"
    )
    return "\n".join(lines)
