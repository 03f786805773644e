"""Wording: the same keys and variables in every language, numbers as people there write them."""

from string import Formatter

import pytest

from streamrec_explain.features.spec import LOCALES
from streamrec_explain.investigation.wording import Wording, wording

ENGLISH = wording("en")


def variables(text: str) -> set[str]:
    """The names in braces."""
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("locale", LOCALES)
def test_every_language_says_everything(locale: str) -> None:
    """No key is missing, and none has other variables than the English text."""
    spoken = wording(locale)
    assert locale == spoken.locale
    assert set(ENGLISH.texts) == set(spoken.texts)
    assert {key: variables(text) for key, text in ENGLISH.texts.items()} == {
        key: variables(text) for key, text in spoken.texts.items()
    }


@pytest.mark.parametrize(
    ("asked", "spoken"), [("de-AT", "de"), ("ja_JP", "ja"), ("fr", "en"), ("", "en"), ("DE", "de")]
)
def test_languages_by_locale(asked: str, spoken: str) -> None:
    """The language of a locale, English where it is not spoken."""
    assert spoken == wording(asked).locale


@pytest.mark.parametrize(
    ("locale", "value", "signed", "change"),
    [
        ("en", 0.693147, "+0.69", "+0.69 (×2.00)"),
        ("de", -0.693147, "−0,69", "−0,69 (×0,50)"),
        ("ja", 0.0, "0.00", "0.00 (×1.00)"),
        ("en", -0.001, "0.00", "0.00 (×1.00)"),
        ("en", 3.0, "+3.00", "+3.00 (×20)"),
    ],
)
def test_changes_of_log_odds(locale: str, value: float, signed: str, change: str) -> None:
    """With their sign and the factor of the odds; what rounds to nothing has no sign."""
    spoken = wording(locale)
    assert (signed, change) == (spoken.signed(value), spoken.change(value))


@pytest.mark.parametrize(
    ("locale", "value", "text"),
    [
        ("en", 0.46917, "0.469"),
        ("de", 0.46917, "0,469"),
        ("en", 1205.4, "1205"),
        ("en", 0.0000123, "1.23e−05"),
        ("en", 97.27, "97.3"),
        ("en", 2_500_000.0, "2500000"),
        ("en", 0.0, "0"),
    ],
)
def test_plain_numbers(locale: str, value: float, text: str) -> None:
    """Three significant digits, no exponent on what people count."""
    assert text == wording(locale).plain(value)


def test_moments_are_utc() -> None:
    """To the minute, the same everywhere."""
    assert "2023-11-14 22:13" == wording("ja").moment(1_700_000_000_000)


def test_a_missing_variable_is_an_error() -> None:
    """A report never shows a hole."""
    with pytest.raises(KeyError, match="place"):
        Wording("en", ".", ENGLISH.quotes, {"a": "{place}"}).say("a")
