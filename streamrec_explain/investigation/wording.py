"""Wording of reports: plain sentences, numbers and moments in the languages of the display phrases."""

from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from math import exp

import msgspec

from streamrec_explain.explanation.speech import FALLBACK_LOCALE, Quotes
from streamrec_explain.features.spec import LOCALES

MINUS = "−"


class Wording(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a report says in one locale: texts by key, with variables in braces."""

    locale: str
    decimal: str
    quotes: Quotes
    texts: dict[str, str]

    def say(self, key: str, **values: object) -> str:
        """The text of a key with its variables filled in; KeyError for an unknown key or a missing variable."""
        return self.texts[key].format_map(values)

    def number(self, value: float, digits: int = 2) -> str:
        """A number with fixed digits after the decimal mark, a true minus sign, and none on zero."""
        text = f"{value:.{digits}f}"
        if float(text) == 0.0:
            text = text.removeprefix("-")
        return text.replace("-", MINUS).replace(".", self.decimal)

    def plain(self, value: float) -> str:
        """A number with up to three significant digits, as people write it."""
        text = f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
        return (f"{float(text):.0f}" if "e+" in text else text).replace("-", MINUS).replace(".", self.decimal)

    def signed(self, log_odds: float, digits: int = 2) -> str:
        """A change of log-odds with its sign; 0 has none."""
        text = self.number(log_odds, digits)
        return text if text.startswith(MINUS) or text == self.number(0.0, digits) else f"+{text}"

    def change(self, log_odds: float) -> str:
        """A change of log-odds and the factor by which it multiplies the odds: +0.69 (×1.99)."""
        factor = exp(log_odds)
        return f"{self.signed(log_odds)} (×{self.number(factor, 2 if factor < 10 else 0)})"

    def moment(self, timestamp_ms: int) -> str:
        """A moment in UTC to the minute, the same in every language."""
        return datetime.fromtimestamp(timestamp_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def wording(locale: str) -> Wording:
    """The wording of a locale such as "de" or "ja-JP"; English where its language is not spoken."""
    language = locale.replace("_", "-").split("-")[0].lower()
    return _read(language if language in LOCALES else FALLBACK_LOCALE)


@cache
def _read(language: str) -> Wording:
    packaged = files("streamrec_explain.investigation").joinpath("wording", f"{language}.json")
    return msgspec.json.decode(packaged.read_bytes(), type=Wording)
