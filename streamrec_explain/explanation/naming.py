"""Names of items: which titles may be said, and which sound the same."""

from dataclasses import dataclass
from functools import cached_property

from streamrec_explain.features.catalogue import Catalogue


@dataclass(frozen=True)
class ItemNames:
    """What may be said of each catalogue row; made once per release."""

    catalogue: Catalogue

    @cached_property
    def titles(self) -> tuple[str | None, ...]:
        """Each item's title on one line; None where it is missing, blank or sensitive."""
        pairs = zip(self.catalogue.titles, self.catalogue.sensitive.tolist(), strict=True)
        return tuple(None if hidden else _one_line(title) for title, hidden in pairs)

    @cached_property
    def _sounds(self) -> tuple[str | None, ...]:
        return tuple(title.casefold() if title else None for title in self.titles)

    @cached_property
    def main_categories(self) -> tuple[int, ...]:
        """Each item's main category code, -1 where it has none."""
        return tuple(self.catalogue.categories[:, 0].tolist())

    @cached_property
    def categories(self) -> tuple[tuple[int, ...], ...]:
        """Each item's category codes, the main one first."""
        return tuple(tuple(code for code in row if code >= 0) for row in self.catalogue.categories.tolist())

    def nameable(self, codes: list[int], recommended: int) -> bool:
        """Whether these items can be named beside the recommended one: each has a title, no title twice."""
        sounds = [self._sounds[code] for code in codes]
        if None in sounds or recommended in codes:
            return False
        return len({*sounds, self._sounds[recommended]}) == len(sounds) + 1

    def category(self, code: int) -> str | None:
        """The name of an item's main category."""
        main = self.main_categories[code]
        return None if main < 0 else self.catalogue.category_names[main]


def _one_line(title: str | None) -> str | None:
    return " ".join(title.split()) or None if title else None
