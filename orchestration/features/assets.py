"""Assets of the stage between events and models: the catalogue and the two refreshed snapshots."""

import dagster as dg

from orchestration.resources import HomeFolder
from streamrec_explain.events.world import World
from streamrec_explain.features.catalogue import Catalogue
from streamrec_explain.features.snapshots import trend_snapshot, user_snapshot, write_snapshot
from streamrec_explain.features.spec import DEFAULT_SPEC
from streamrec_explain.features.ticks import tick


def moment_after(events: World) -> int:
    """The first refresh tick that has every event behind it."""
    last = int(events.impressions["timestamp_ms"][-1].as_py())
    return tick(last, events.refresh_ms) + events.refresh_ms


@dg.asset(group_name="features", kinds={"arrow"}, owners=["team:ml-platform"], code_version="1")
def catalogue(context: dg.AssetExecutionContext, events: World) -> Catalogue:
    """What may be recommended: titles, categories, creators; row numbers are the models' item codes."""
    value = Catalogue.from_items(events.items)
    context.add_output_metadata(
        {"items": len(value), "categories": len(value.category_names), "creators": len(value.creator_names)}
    )
    return value


@dg.asset(group_name="features", kinds={"arrow"}, owners=["team:ml-platform"], code_version="1")
def users_snapshot(events: World, home: HomeFolder) -> dg.MaterializeResult[None]:
    """The 20 user features of everyone, as of the last refresh: personal, erasable, outside every release."""
    snapshot = user_snapshot(events, DEFAULT_SPEC, moment_after(events))
    path = write_snapshot(home.home.users, snapshot)
    return dg.MaterializeResult(
        metadata={"users": len(snapshot.user_ids), "digest": snapshot.digest, "file": dg.MetadataValue.path(path)}
    )


@dg.asset(group_name="features", kinds={"arrow"}, owners=["team:ml-platform"], code_version="1")
def trends_snapshot(events: World, catalogue: Catalogue, home: HomeFolder) -> dg.MaterializeResult[None]:
    """The 20 item features and the trend facts of every market, as of the last refresh."""
    snapshot = trend_snapshot(events, DEFAULT_SPEC, catalogue, moment_after(events))
    path = write_snapshot(home.home.trends, snapshot)
    return dg.MaterializeResult(
        metadata={
            "markets": list(snapshot.markets),
            "items": len(snapshot.item_ids),
            "digest": snapshot.digest,
            "as of": dg.MetadataValue.timestamp(snapshot.as_of_ms / 1000),
            "file": dg.MetadataValue.path(path),
        }
    )
