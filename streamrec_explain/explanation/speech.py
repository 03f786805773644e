"""Speech: the sentences and labels of each locale, read from released templates."""

from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from string import Formatter

import msgspec

from streamrec_explain.errors import CorruptReleaseError

FALLBACK_LOCALE = "en"
VARIABLES = {
    "watch_history.two": {"first", "second"},
    "watch_history.one": {"first"},
    "category_match.interest": {"category"},
    "category_match.category": {"category"},
    "trending.region": {"region", "count"},
    "trending.everywhere": {"count"},
    "personalized": set[str](),
    "promoted.sponsor": {"sponsor"},
    "promoted": set[str](),
    "generic": set[str](),
}
CONTROL_VARIABLES = {
    "item": set[str](),
    "category": {"category"},
    "creator": {"creator"},
    "history": {"title"},
    "personalisation": set[str](),
}


class Quotes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The marks around a title, and those for marks inside one."""

    open: str
    close: str
    inner_open: str
    inner_close: str

    def around(self, title: str) -> str:
        """Quote a title; outer or straight double marks inside it become inner marks."""
        inner = title.replace(self.open, self.inner_open).replace(self.close, self.inner_close)
        pieces = inner.split('"')
        for place in range(len(pieces) - 1):
            pieces[place] += self.inner_close if place % 2 else self.inner_open
        return f"{self.open}{''.join(pieces)}{self.close}"


class LocaleTemplates(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """What is said in one locale: sentences and control labels with variables, regions and categories."""

    locale: str
    quotes: Quotes
    thousands: str
    sentences: dict[str, str]
    controls: dict[str, str]
    regions: dict[str, str]
    categories: dict[str, str]

    def __post_init__(self) -> None:
        _check_variables(self.locale, self.sentences, VARIABLES)
        _check_variables(self.locale, self.controls, CONTROL_VARIABLES)

    def sentence(self, template: str, **variables: str) -> str:
        """The sentence of a template key with its variables filled in."""
        return self.sentences[template].format_map(variables)

    def label(self, control: str, **variables: str) -> str:
        """The label of a control kind with its variables filled in."""
        return self.controls[control].format_map(variables)

    def category(self, name: str) -> str:
        """A category's name in this locale; as the catalogue writes it where no translation is known."""
        return self.categories.get(name.casefold(), name)

    def number(self, value: float) -> str:
        """A whole number with the locale's thousands separator."""
        return f"{value:,.0f}".replace(",", self.thousands)


@dataclass(frozen=True)
class Templates:
    """The templates of a release, by locale."""

    locales: dict[str, LocaleTemplates]

    def __post_init__(self) -> None:
        if FALLBACK_LOCALE not in self.locales:
            file = f"templates/{FALLBACK_LOCALE}.json"
            raise CorruptReleaseError(f"{file} is missing; every release speaks {FALLBACK_LOCALE!r}", file)

    @cached_property
    def fallback(self) -> LocaleTemplates:
        """What is spoken where the asked locale is unknown."""
        return self.locales[FALLBACK_LOCALE]

    def of(self, locale: str) -> LocaleTemplates | None:
        """Templates of a locale such as "de", "de-AT" or "de_DE"; None if its language is not spoken."""
        return self.locales.get(locale.replace("_", "-").split("-")[0].lower())

    @classmethod
    def packaged(cls) -> "Templates":
        """The templates that come with this package: the source of a release's copy."""
        return cls.load(Path(str(files("streamrec_explain.explanation") / "templates")))

    @classmethod
    def load(cls, folder: Path) -> "Templates":
        """Read every LOCALE.json of a folder; CorruptReleaseError names the file that is wrong."""
        return cls({path.stem: _read(path) for path in sorted(folder.glob("*.json"))})

    def save(self, folder: Path) -> None:
        """Write one LOCALE.json per locale."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, templates in self.locales.items():
            text = msgspec.json.format(msgspec.json.encode(templates), indent=2)
            (folder / f"{name}.json").write_bytes(text)


def _read(path: Path) -> LocaleTemplates:
    try:
        return msgspec.json.decode(path.read_bytes(), type=LocaleTemplates)
    except (msgspec.MsgspecError, ValueError) as error:
        raise CorruptReleaseError(f"{path.name}: {error}", f"templates/{path.name}") from error


def _check_variables(locale: str, templates: dict[str, str], expected: dict[str, set[str]]) -> None:
    if templates.keys() != expected.keys():
        odd = sorted(templates.keys() ^ expected.keys())
        raise ValueError(f"locale {locale!r}: templates {odd} are missing or unknown")
    for key, text in templates.items():
        found = {name for _, name, _, _ in Formatter().parse(text) if name is not None}
        if found != expected[key]:
            raise ValueError(f"locale {locale!r}: {key} needs {sorted(expected[key])}, has {sorted(found)}")
