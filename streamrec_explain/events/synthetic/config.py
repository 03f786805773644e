"""The size, the clock and the seed of a synthetic world."""

import math
from dataclasses import dataclass
from typing import Final

from streamrec_explain.errors import SettingsError

MARKETS: Final = ("US", "EU", "JP")
DAY_MS: Final = 86_400_000
HISTORY_WINDOW: Final = 50  # older events no longer move a choice


@dataclass(frozen=True)
class SyntheticConfig:
    """What a world is made from; `users` scales everything, `seed` decides everything else.

    `lists_per_user` is the mean number of lists a user is shown in `days` days, which end at `end_ms`
    (2025-07-01T00:00Z by default). About 1,500 items at 2,000 users and 4,000 at 20,000.
    """

    users: int = 2_000
    seed: int = 0
    days: int = 60
    lists_per_user: float = 10.0
    end_ms: int = 1_751_328_000_000

    def __post_init__(self) -> None:
        if self.users < 1 or self.days < 7 or self.lists_per_user <= 0:
            raise SettingsError(
                f"synthetic world: users={self.users}, days={self.days}, lists_per_user={self.lists_per_user}; "
                "users and lists must be positive, days at least 7"
            )

    @property
    def items(self) -> int:
        """The size of the catalogue, which grows more slowly than the number of users."""
        return max(400, round(1_500 * math.pow(self.users / 2_000, 0.426)))

    @property
    def start_ms(self) -> int:
        """When the first list may be shown."""
        return self.end_ms - self.days * DAY_MS
