"""What is in fashion: bursts of items and lines per market, and the freshness of new items."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.events.synthetic.config import DAY_MS, MARKETS, SyntheticConfig
from streamrec_explain.events.synthetic.items import SyntheticItems

BIN_MS: Final = DAY_MS // 4
ITEM_BURST_SHARE: Final = 0.20
LINE_BURST_SHARE: Final = 0.30
FRESHNESS: Final = 0.8
FRESH_DAYS: Final = 4.0


@dataclass(frozen=True)
class Trends:
    """`value` [n_markets, n_bins, n_items] in log-odds of a click; a bin is six hours from `start_ms`."""

    start_ms: int
    value: NDArray[np.float32]

    def bins(self, time_ms: NDArray[np.int64]) -> NDArray[np.int64]:
        """The bin of each time; times outside the world take its first or last bin."""
        return np.clip((time_ms - self.start_ms) // BIN_MS, 0, self.value.shape[1] - 1)

    def at(self, market: NDArray[np.int32], time_ms: NDArray[np.int64], item: NDArray[np.int32]) -> NDArray[np.float32]:
        """The trend of items at the times; the three arrays are broadcast."""
        return np.asarray(self.value[market, self.bins(time_ms), item])


def make_trends(config: SyntheticConfig, items: SyntheticItems, rng: np.random.Generator) -> Trends:
    """Bursts of a day or more for some items and some whole lines, different in each market."""
    n_bins = config.days * DAY_MS // BIN_MS
    days = np.arange(n_bins, dtype=np.float32) * (BIN_MS / DAY_MS)
    value = _bursts(len(items), ITEM_BURST_SHARE, days, rng)
    value += _bursts(len(items.lines), LINE_BURST_SHARE, days, rng)[:, :, items.line]
    return Trends(config.start_ms, value + _freshness(config, items, days))


def _bursts(n_things: int, share: float, days: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """At most one burst per market and thing, [n_markets, n_bins, n_things]."""
    shape = (len(MARKETS), 1, n_things)
    height = np.where(rng.random(shape) < share, rng.uniform(0.8, 2.2, shape), 0.0).astype(np.float32)
    centre = rng.uniform(-1.0, days[-1] + 1.0, shape).astype(np.float32)
    width = rng.uniform(1.5, 5.0, shape).astype(np.float32)
    return np.asarray(height * np.exp(-0.5 * ((days[None, :, None] - centre) / width) ** 2))


def _freshness(config: SyntheticConfig, items: SyntheticItems, days: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a new item gains in its first days, [n_bins, n_items]."""
    age = days[:, None] - ((items.publish_ms - config.start_ms) / DAY_MS).astype(np.float32)
    fresh = FRESHNESS * np.exp(-np.maximum(age, 0.0) / FRESH_DAYS)
    return np.where((age >= 0.0) & (items.publish_ms >= config.start_ms), fresh, 0.0).astype(np.float32)
