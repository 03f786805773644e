"""Jobs: what a person launches as one thing."""

import dagster as dg

from orchestration.partitions import DAYS

TRAINING = dg.AssetSelection.groups("events", "features", "models", "release")

train_and_promote = dg.define_asset_job(
    "train_and_promote",
    TRAINING,
    description="Read events, train both models, build the explainer, register a release, judge and promote it.",
)
train_candidate = dg.define_asset_job(
    "train_candidate",
    TRAINING - dg.AssetSelection.assets("champion"),
    description="Everything up to the verdicts of the gates; nothing is promoted.",
)
promote = dg.define_asset_job(
    "promote",
    dg.AssetSelection.assets("champion"),
    description="Promote the last candidate if the gates stored on it allow it.",
)
refresh_snapshots = dg.define_asset_job(
    "refresh_snapshots",
    dg.AssetSelection.assets("events", "event_validation", "catalogue", "users_snapshot", "trends_snapshot"),
    description="Read new events and refresh the user and trend snapshots.",
)
audit_log_maintenance = dg.define_asset_job(
    "audit_log_maintenance",
    dg.AssetSelection.groups("audit_log"),
    description="One day of the audit log: ship, compact and sort, archive what is 90 days old, expire.",
    partitions_def=DAYS,
)
JOBS = [train_and_promote, train_candidate, promote, refresh_snapshots, audit_log_maintenance]
