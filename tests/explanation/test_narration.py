"""Sentences in three languages, from the evidence of claims."""

import json
from pathlib import Path

import pytest

from streamrec_explain.errors import CorruptReleaseError
from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.naming import ItemNames
from streamrec_explain.explanation.narration import narrate
from streamrec_explain.explanation.speech import Templates
from streamrec_explain.records import Claim

TWO = Claim("watch_history", True, {"items": ("i1", "i2")})
ONE = Claim("watch_history", True, {"items": ("i1",)})
INTEREST = Claim("category_match", True, {"category": "Sci-Fi", "from_history": 1})
CATEGORY = Claim("category_match", True, {"category": "Sci-Fi", "from_history": 0})
TRENDING = Claim("trending", True, {"market": "JP", "count": 12345.0})
ELSEWHERE = Claim("trending", True, {"market": None, "count": 12345.0})
PERSONAL = Claim("personalized", True, {})
PROMOTED = Claim("promoted", True, {"sponsor": " Acme\nInc "})


@pytest.mark.parametrize(
    ("expected", "locale", "claim"),
    [
        ("Because you watched “Title 1” and “Title 2”", "en", TWO),
        ("Weil du „Title 1“ und „Title 2“ gesehen hast", "de", TWO),
        ("「Title 1」と「Title 2」を視聴されたため、おすすめしています", "ja", TWO),
        ("Weil du „Title 1“ gesehen hast", "de", ONE),
        ("Passend zu deinen Interessen: Science-Fiction", "de", INTEREST),
        ("ジャンル「SF」の作品としておすすめしています", "ja", CATEGORY),
        ("Trending in Japan: 12,345 recent views", "en", TRENDING),
        ("Gerade im Trend: 12.345 Aufrufe in letzter Zeit", "de", ELSEWHERE),
        ("視聴履歴に基づくおすすめです", "ja", PERSONAL),
        ("Promoted by Acme Inc, which moved it up your list", "en", PROMOTED),
        ("Gesponsert und deshalb weiter oben in deiner Liste", "de", Claim("promoted", True, {"sponsor": " "})),
        ("StreamRecのおすすめ", "ja", None),
    ],
)
def test_sentences(bundle: EngineBundle, expected: str, locale: str, claim: Claim | None) -> None:
    """Each kind of claim in its language."""
    speech = bundle.templates.of(locale)
    assert speech is not None
    assert expected == narrate(claim, speech, ItemNames(bundle.catalogue))[1]


@pytest.mark.parametrize(
    ("expected", "locale", "title"),
    [
        ("“The ‘Burbs”", "en", "The “Burbs"),
        ("“Say ‘hello’ twice”", "en", 'Say "hello" twice'),
        ("„Die ‚Perle‘“", "de", "Die „Perle“"),
        ("「『星』の話」", "ja", "「星」の話"),
        ("“It’s {first}”", "en", "It’s {first}"),
    ],
)
def test_quotation_marks_nest(expected: str, locale: str, title: str) -> None:
    """Marks inside a title become inner marks; braces are only characters."""
    assert expected == Templates.packaged().locales[locale].quotes.around(title)


@pytest.mark.parametrize("locale", ["de", "de-AT", "de_CH", "DE"])
def test_a_locale_is_found_by_its_language(locale: str) -> None:
    """Country and case do not matter."""
    speech = Templates.packaged().of(locale)
    assert "de" == (speech and speech.locale)


def test_templates_survive_a_round_trip(tmp_path: Path) -> None:
    """What is saved into a release speaks the same."""
    Templates.packaged().save(tmp_path)
    assert Templates.packaged() == Templates.load(tmp_path)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        pytest.param("generic", "Hello {name}", id="unknown variable"),
        pytest.param("watch_history.two", "Because of {first}", id="missing variable"),
        pytest.param("personalized", "{0.__class__}", id="attribute access"),
        pytest.param("no such key", "x", id="unknown sentence"),
        pytest.param("generic", "Hello {", id="broken braces"),
    ],
)
def test_a_wrong_template_is_refused_by_file(tmp_path: Path, key: str, text: str) -> None:
    """A sentence must use exactly its variables."""
    Templates.packaged().save(tmp_path)
    path = tmp_path / "de.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["sentences"][key] = text
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(CorruptReleaseError) as caught:
        Templates.load(tmp_path)
    assert "templates/de.json" == caught.value.file


def test_english_must_be_there(tmp_path: Path) -> None:
    """A release that cannot fall back is refused."""
    with pytest.raises(CorruptReleaseError, match=r"en\.json"):
        Templates.load(tmp_path)


def test_every_locale_names_the_same_regions() -> None:
    """No market is spoken of in one language only."""
    regions = [set(speech.regions) for speech in Templates.packaged().locales.values()]
    assert 3 == len(regions)
    assert regions[0] == regions[1] == regions[2]
