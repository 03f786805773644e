"""The catalogue of a synthetic world: what each item is, costs, and how good it is."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from streamrec_explain.events.schema import ITEMS
from streamrec_explain.events.synthetic.config import DAY_MS, MARKETS, SyntheticConfig
from streamrec_explain.events.synthetic.lines import Lines, make_lines
from streamrec_explain.events.synthetic.titles import creator_name, item_titles, vocabularies

SPONSORS: Final = ("Aurora Tea", "Northwind Bikes", "Lumen Energy", "Kitsune Games", "Harvest & Co", "Blue Pine Travel")
SPONSORED_SHARE: Final = 0.04
PUBLISHED_DURING_SHARE: Final = 0.12
SENSITIVE_CATEGORIES: Final = {"Health": 0.35, "Crime": 0.08}


@dataclass(frozen=True)
class SyntheticItems:
    """Items as arrays; an item is a row, and the items of a line are neighbours in order.

    `next_item` is the next episode of a series (-1: none); `quality` [n_markets, n_items] is in log-odds of a
    click; `sponsor` is a row of `SPONSORS` (-1: not sponsored), `boost` the log-odds it pays for.
    """

    lines: Lines
    titles: tuple[str, ...]
    line: NDArray[np.int32]
    category: NDArray[np.int32]
    second_category: NDArray[np.int32]
    next_item: NDArray[np.int32]
    quality: NDArray[np.float32]
    publish_ms: NDArray[np.int64]
    duration_s: NDArray[np.float32]
    sponsor: NDArray[np.int32]
    boost: NDArray[np.float32]
    sensitive: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.line)


def make_items(config: SyntheticConfig, rng: np.random.Generator) -> SyntheticItems:
    """The catalogue of `config.items` items."""
    lines = make_lines(config.items, rng)
    line = np.repeat(np.arange(len(lines), dtype=np.int32), lines.size)
    category = lines.category[line]
    sponsor = np.where(rng.random(len(line)) < SPONSORED_SHARE, rng.integers(0, len(SPONSORS), len(line)), -1)
    return SyntheticItems(
        lines=lines,
        titles=_titles(lines, rng),
        line=line,
        category=category,
        second_category=_second_category(lines, line, rng),
        next_item=_next_item(lines, line),
        quality=_quality(lines, line, rng),
        publish_ms=_publish_ms(config, lines, line, rng),
        duration_s=_duration_s(category, rng),
        sponsor=sponsor.astype(np.int32),
        boost=np.where(sponsor >= 0, rng.uniform(0.8, 2.5, len(line)), 0.0).astype(np.float32),
        sensitive=rng.random(len(line)) < _sensitive_share()[category],
    )


def _titles(lines: Lines, rng: np.random.Generator) -> tuple[str, ...]:
    kinds = tuple(vocabularies().values())
    facts = zip(lines.names, lines.category, lines.size, strict=True)
    return tuple(
        title for name, category, size in facts for title in item_titles(kinds[category], name, int(size), rng)
    )


def _second_category(lines: Lines, line: NDArray[np.int32], rng: np.random.Generator) -> NDArray[np.int32]:
    """A second category for a third of the lines: that of the line they lead to (-1: none)."""
    second = lines.category[lines.targets[:, 3]]
    keep = (rng.random(len(lines)) < 0.35) & (second != lines.category)
    return np.where(keep, second, -1).astype(np.int32)[line]


def _next_item(lines: Lines, line: NDArray[np.int32]) -> NDArray[np.int32]:
    item = np.arange(len(line), dtype=np.int32)
    following = np.minimum(item + 1, len(line) - 1)
    continues = lines.serial[line] & (line[following] == line) & (following != item)
    return np.where(continues, following, -1).astype(np.int32)


def _quality(lines: Lines, line: NDArray[np.int32], rng: np.random.Generator) -> NDArray[np.float32]:
    """A line's quality, its item's own (later episodes are seen by fewer) and the market's taste for both."""
    start = np.cumsum(lines.size) - lines.size
    depth = np.arange(len(line)) - start[line]
    own = rng.normal(0.0, 0.55, len(line)) - np.where(lines.serial[line], 0.04 * depth, 0.0)
    shared = rng.normal(0.0, 0.35, len(lines))[line] + own
    local = rng.normal(0.0, 0.3, (len(MARKETS), len(lines)))[:, line]
    return (shared + local).astype(np.float32)


def _publish_ms(
    config: SyntheticConfig, lines: Lines, line: NDArray[np.int32], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Most items are up to two years old; some lines end with items published during the world."""
    age_days = np.exp(rng.uniform(np.log(5.0), np.log(700.0), len(line)))
    before = config.start_ms - (age_days * DAY_MS).astype(np.int64)
    during = config.start_ms + (rng.random(len(line)) * 0.95 * config.days * DAY_MS).astype(np.int64)
    is_new = rng.random(len(line)) < PUBLISHED_DURING_SHARE
    published = np.where(is_new, during, before)
    order = np.lexsort((published, line))  # the episodes of a series appear in order
    return np.where(lines.serial[line], published[order], published)


def _duration_s(category: NDArray[np.int32], rng: np.random.Generator) -> NDArray[np.float32]:
    minutes = np.array([kind.minutes for kind in vocabularies().values()], dtype=np.float64)[category]
    return np.round(60.0 * minutes * rng.lognormal(0.0, 0.18, len(category))).astype(np.float32)


def _sensitive_share() -> NDArray[np.float64]:
    return np.array([SENSITIVE_CATEGORIES.get(name, 0.0) for name in vocabularies()])


def item_ids(n_items: int) -> pa.Array:
    """The ids of the catalogue in order."""
    return pa.array([f"v{number:06d}" for number in range(1, n_items + 1)])


def items_table(items: SyntheticItems, rng: np.random.Generator) -> pa.Table:
    """The catalogue in the documented schema."""
    names = tuple(vocabularies())
    subscribers = rng.lognormal(10.5, 1.6, int(items.lines.creator.max()) + 1).astype(np.int64)
    creator = items.lines.creator[items.line]
    columns = {
        "item_id": item_ids(len(items)),
        "title": pa.array(items.titles),
        "categories": [
            [names[index] for index in pair if index >= 0]
            for pair in zip(items.category.tolist(), items.second_category.tolist(), strict=True)
        ],
        "creator": [creator_name(number) for number in creator.tolist()],
        "creator_subscribers": subscribers[creator],
        "duration_s": items.duration_s,
        "publish_time_ms": items.publish_ms,
        "sponsored": items.sponsor >= 0,
        "sensitive": items.sensitive,
    }
    return pa.Table.from_pydict(columns, schema=ITEMS)
