"""A world: the four event tables of one service, read and validated, with a digest of its content."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import pyarrow as pa

from streamrec_explain.hashing import table_digest

Split = Literal["global_time", "per_user_time"]


@dataclass(frozen=True)
class World:
    """Events of one service in the documented schema (`events.schema`).

    `split` says how time separates training from test (MovieLens users are not on one clock:
    per user); `negatives` is "shown" where unclicked impressions exist and "sampled" where a reader knows
    positives only; `refresh_ms` is the period of its trend and user snapshots.
    """

    name: str
    impressions: pa.Table
    items: pa.Table
    users: pa.Table
    surveys: pa.Table
    split: Split = "global_time"
    negatives: Literal["shown", "sampled"] = "shown"
    refresh_ms: int = 3_600_000
    source: str = ""

    @cached_property
    def digests(self) -> dict[str, str]:
        """SHA-256 of each table's content, independent of chunking."""
        tables = {"impressions": self.impressions, "items": self.items, "users": self.users}
        return {name: table_digest(table) for name, table in (tables | {"surveys": self.surveys}).items()}
