"""The event schema: the Arrow columns every world is read into, documented in the README."""

import pyarrow as pa

IMPRESSIONS = pa.schema(
    [
        pa.field("impression_id", pa.string(), nullable=False),
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("timestamp_ms", pa.int64(), nullable=False),
        pa.field("market", pa.string(), nullable=False),
        pa.field("position", pa.int16()),  # 0 is the top of the list; null where unknown
        pa.field("shown", pa.bool_(), nullable=False),  # false: a candidate that was logged but not shown
        pa.field("clicked", pa.bool_(), nullable=False),
        pa.field("watch_fraction", pa.float32()),  # watched time / duration, >= 0, may exceed 1; null unknown
        pa.field("not_interested", pa.bool_()),
        pa.field("session_id", pa.string()),
        pa.field("promotion_sponsor", pa.string()),
        pa.field("promotion_boost", pa.float32()),  # log-odds added before sorting; null: not promoted
        pa.field("explanation_arm", pa.string()),
        pa.field("explanation_type", pa.string()),
        pa.field("explanation_propensity", pa.float32()),  # probability of the type given the context, (0, 1]
    ]
)

ITEMS = pa.schema(
    [
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("title", pa.string()),  # null: the item is never named in a sentence
        pa.field("categories", pa.list_(pa.string()), nullable=False),  # the first one is the main category
        pa.field("creator", pa.string()),
        pa.field("creator_subscribers", pa.int64()),
        pa.field("duration_s", pa.float32()),
        pa.field("publish_time_ms", pa.int64()),
        pa.field("sponsored", pa.bool_(), nullable=False),
        pa.field("sensitive", pa.bool_(), nullable=False),  # true: its title is never named in a sentence
    ]
)

USERS = pa.schema(
    [
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("market", pa.string(), nullable=False),
        pa.field("signup_time_ms", pa.int64()),
        pa.field("age_group", pa.string()),
        pa.field("device", pa.string()),
    ]
)

SURVEYS = pa.schema(
    [
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("timestamp_ms", pa.int64(), nullable=False),
        pa.field("explanation_arm", pa.string()),
        pa.field("satisfaction", pa.float32(), nullable=False),  # 1 to 5
    ]
)

TABLES = {"impressions": IMPRESSIONS, "items": ITEMS, "users": USERS, "surveys": SURVEYS}
