"""Assets of the first stage: validated events in the documented schema, and the report of reading them."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import numpy as np
import pyarrow.compute as pc

from orchestration.metadata import table
from orchestration.resources import EventSource
from streamrec_explain.events.interactions import interactions
from streamrec_explain.events.readers import read_world
from streamrec_explain.events.report import ValidationReport
from streamrec_explain.events.world import World

OWNERS = ["team:ml-platform"]


@dg.multi_asset(
    outs={
        "events": dg.AssetOut(
            dagster_type=World,
            group_name="events",
            kinds={"arrow"},
            owners=OWNERS,
            code_version="1",
            description="Impressions, items, users and survey answers of one world, validated, with digests.",
        ),
        "event_validation": dg.AssetOut(
            dagster_type=ValidationReport,
            group_name="events",
            kinds={"json"},
            owners=OWNERS,
            code_version="1",
            description="What reading found: rows per file, rows set aside, problems.",
        ),
    }
)
def event_tables(source: EventSource) -> Iterator[dg.Output[World] | dg.Output[ValidationReport]]:
    """Read a world; bad input fails here, with file, row and column, unless a quarantine is named."""
    folder = Path(source.data).resolve() if source.data else None  # recorded: found again from anywhere
    quarantine = Path(source.quarantine) if source.quarantine else None
    result = read_world(source.world, folder, seed=source.seed, scale=source.users, quarantine=quarantine)
    yield dg.Output(result.world, "events", metadata=_facts(result.world))
    report = result.report
    yield dg.Output(
        report,
        "event_validation",
        metadata={
            "rows read": report.rows_read,
            "rows set aside": report.rows_quarantined,
            "files": table([{"file": file.file, "rows": file.rows_read} for file in report.files]),
            "notes": table([{"file": note.file, "note": note.message, "rows": note.rows} for note in report.notes]),
        },
    )


def _facts(world: World) -> dict[str, dg.MetadataValue | int | float | str]:
    histories = np.diff(interactions(world).offsets)
    markets = pc.value_counts(world.impressions["market"]).to_pylist()
    return {
        "impressions": world.impressions.num_rows,
        "users": world.users.num_rows,
        "items": world.items.num_rows,
        "clicked": float(pc.mean(pc.cast(world.impressions["clicked"], "int8")).as_py()),
        "median history": float(np.median(histories)),
        "split": world.split,
        "negatives": world.negatives,
        "markets": table([{"market": row["values"], "impressions": row["counts"]} for row in markets]),
        "digests": table([{"table": name, "sha256": digest} for name, digest in world.digests.items()]),
    }
