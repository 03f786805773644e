"""The moment at which a release is calibrated, audited and compared: the world at its latest snapshots."""

from streamrec_explain.events.interactions import interactions
from streamrec_explain.events.world import World
from streamrec_explain.faithfulness.sampling import Moment
from streamrec_explain.features.snapshots import latest_trend_snapshot, latest_user_snapshot
from streamrec_explain.home import Home

SNAPSHOTS = ["users_snapshot", "trends_snapshot"]


def moment_of(events: World, home: Home) -> Moment:
    """The world at its latest snapshots."""
    return Moment(events, interactions(events), latest_user_snapshot(home.users), latest_trend_snapshot(home.trends))
