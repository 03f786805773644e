"""Reports: whole pages in every language, readable without anything else, true to the numbers."""

from dataclasses import replace
from xml.etree import ElementTree

import msgspec
import pytest

from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.features.snapshots import TrendSnapshot
from streamrec_explain.features.spec import LOCALES
from streamrec_explain.investigation.investigation import Investigation, investigation_of, regulatory
from streamrec_explain.investigation.pictures import pictures
from streamrec_explain.investigation.report import report_page
from streamrec_explain.investigation.sentences import what_if
from streamrec_explain.investigation.wording import wording
from streamrec_explain.trace import Trace
from tests.explanation.ranked_lists import random_list
from tests.investigation.conftest import first_said, logged

KINDS = ("watch_history", "category_match", "trending", "personalized", "promoted", "generic")


def traced(explanation_id: str, kind: str, item_id: str) -> Trace:
    """A trace without a registry behind it."""
    return Trace(
        explanation_id=explanation_id, found_in="journal", request_id="r", timestamp_ms=1_700_000_000_000,
        user_id_hash="u" * 32, key_id="k1", region="US", locale="en", policy="honest", item_id=item_id, position=0,
        explanation_type=kind, explanation_text_hash="0" * 16, template=kind, claims=(), flags=(), shap_top_3=(),
        attention_top_2=(("i1", 0.5),), computation_time_ms=0.1, trend_digest="t" * 64, user_snapshot_digest="u" * 64,
        history=("i1",), release=None, unresolved=("run r1 of reranker: gone",),
    )  # fmt: skip


def investigated(bundle: EngineBundle, kind: str, snapshot: TrendSnapshot | None = None) -> Investigation:
    """The investigation of the first explanation of a type."""
    found = first_said(bundle, kind)
    trace = traced("r.0", kind, found.entry.item_id)
    return investigation_of(found, trace, bundle, None if snapshot is None else lambda digest: snapshot)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_page_of_every_kind_in_every_language(bundle: EngineBundle, kind: str, locale: str) -> None:
    """No hole, nothing fetched from elsewhere, no column name, no script; in the language that it declares."""
    found = regulatory(investigated(bundle, kind))
    page = report_page(found, locale)
    assert f'<html lang="{locale}">' in page
    for foreign in ("<script", "<link", 'src="http', "url("):
        assert foreign not in page
    assert [] == [name for name in bundle.spec.names if name in page]
    assert found.text.replace("'", "&#39;") in page or found.text in page
    assert "None" not in page and "{" not in page.split("</style>")[1]


def test_the_full_page_has_every_number(bundle: EngineBundle, snapshot: TrendSnapshot) -> None:
    """All features by name, all events, the broken link."""
    found = investigated(bundle, "watch_history", snapshot)
    page = report_page(found)
    assert all(name in page for name in bundle.spec.names)
    assert found.history is not None
    assert len(found.history.events) == page.count("%</td>")
    assert "run r1 of reranker: gone" in page


def test_hostile_titles_and_sponsors_stay_text(bundle: EngineBundle) -> None:
    """Nothing that a catalogue or a sponsor says becomes markup, on the page and in the charts."""
    evil = "<img src=x onerror=alert(1)>"
    found = investigated(bundle, "promoted")
    assert found.promotion is not None
    sponsor = msgspec.structs.replace(found.promotion, sponsor=evil)
    titles = dict.fromkeys(found.titles, evil)
    page = report_page(msgspec.structs.replace(found, titles=titles, promotion=sponsor, text=evil))
    assert evil not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page


@pytest.mark.parametrize("locale", LOCALES)
def test_charts_speak_the_language_and_stand_alone(bundle: EngineBundle, locale: str) -> None:
    """Display phrases, not column names; each chart is a file of its own."""
    found, words = investigated(bundle, "watch_history"), wording(locale)
    drawn = pictures(found, words)
    assert {"reasons", "history"} == set(drawn)
    for picture in drawn.values():
        assert ElementTree.fromstring(picture).tag.endswith("svg")
        assert [] == [name for name in bundle.spec.names if name in picture]
    assert found.features is not None
    strongest = found.features.ranked[0]
    assert words.change(strongest.shap) in drawn["reasons"]
    assert words.number(found.features.raw_score) in drawn["reasons"]


def test_the_waterfall_ends_at_the_score_with_the_boost(bundle: EngineBundle) -> None:
    """A paid boost is a bar of its own after the score."""
    found, words = investigated(bundle, "promoted"), wording("en")
    assert found.features is not None and found.promotion is not None
    drawn = pictures(found, words)["reasons"]
    total = words.number(found.features.raw_score + found.promotion.boost)
    assert "Paid boost" in drawn and f">{total}</text>" in drawn
    assert "Paid boost" not in pictures(investigated(bundle, "watch_history"), words)["reasons"]


def test_an_item_without_history_has_no_history_chart(bundle: EngineBundle) -> None:
    """Only the reasons are drawn."""
    found = logged(bundle, random_list(bundle, 2, length=0))
    made = investigation_of(found, traced("r.0", "generic", found.entry.item_id), bundle)
    assert {"reasons"} == set(pictures(made, wording("en")))


def test_what_would_have_changed_is_said_in_words(bundle: EngineBundle) -> None:
    """The sponsor, both outcomes in one sentence where one change alters both."""
    found = investigated(bundle, "promoted")
    searched = found.counterfactuals
    assert searched is not None and searched.place is not None and searched.sentence is not None
    said = what_if(found, wording("en"))
    expected = f"in place {searched.place.outcome.place} instead of {searched.before.place}"
    assert said[0].startswith("If Acme had not paid for it, it would have been")
    assert expected in said[0] and searched.sentence.outcome.text.split("“")[0] in said[0]
    assert 1 == len(said)


def test_it_is_said_that_nothing_would_have_changed(bundle: EngineBundle) -> None:
    """Honest where the search found nothing, or was not made."""
    found = investigated(bundle, "watch_history")
    assert found.counterfactuals is not None
    quiet = tuple(replace_found(each) for each in found.counterfactuals.searched)
    nothing = msgspec.structs.replace(found.counterfactuals, searched=quiet)
    (said,) = what_if(msgspec.structs.replace(found, counterfactuals=nothing), wording("en"))
    assert f"None of the {nothing.tried} changes" in said
    (said,) = what_if(msgspec.structs.replace(found, counterfactuals=None), wording("en"))
    assert "No such change was searched" in said


def replace_found(searched: msgspec.Struct) -> msgspec.Struct:
    """A kind of change that altered nothing."""
    return msgspec.structs.replace(searched, altered_place=0, altered_sentence=0, place=None, sentence=None)


def test_a_false_claim_is_marked(bundle: EngineBundle) -> None:
    """The case study's policy says false sentences; the page does not call them true."""
    speaking = replace(bundle, policy="case_study")
    for seed in range(40):
        found = logged(speaking, random_list(speaking, seed))
        for entry in found.request.entries:
            if entry.claims and not entry.claims[0].verdict:
                wrong = logged(speaking, random_list(speaking, seed), entry.position)
                trace = traced("r.0", entry.explanation_type, entry.item_id)
                trace = msgspec.structs.replace(trace, policy="case_study")
                page = report_page(investigation_of(wrong, trace, speaking), "en")
                assert "It is not true as it stands" in page and "✗" in page
                assert "whether or not its claim holds" in page and "had been checked" not in page
                return
    raise AssertionError("no false claim found")
