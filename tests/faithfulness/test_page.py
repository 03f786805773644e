"""The page says every number of the report, escapes what comes from outside, and its pictures are pictures."""

import re
from collections.abc import Mapping

import msgspec
import numpy as np
import pytest

from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.faithfulness.audit import audit
from streamrec_explain.faithfulness.page import audit_files
from streamrec_explain.faithfulness.report import FaithfulnessReport
from streamrec_explain.faithfulness.sampling import Moment

PNG = b"\x89PNG"


@pytest.fixture(scope="module")
def report(bundle: EngineBundle, moment: Moment) -> FaithfulnessReport:
    """A small audit of the tiny release."""
    return audit(bundle, moment, np.arange(1, 60), 150, seed=1)


@pytest.fixture(scope="module")
def files(report: FaithfulnessReport) -> Mapping[str, bytes]:
    """What is kept beside the release."""
    return audit_files(report, "streamrec-release/3@abcdef12", "<b>small</b>")


def text_of(files: Mapping[str, bytes]) -> str:
    """The page without tags and line breaks."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", files["faithfulness.html"].decode()))


def test_the_page_tells_the_numbers_of_the_report(report: FaithfulnessReport, files: Mapping[str, bytes]) -> None:
    """Rates with intervals and counts, chance, and every stratum."""
    text, found = text_of(files), report.history
    ends = found.end_to_end
    for said in (found.strict, found.raises, found.case_study, found.closed_up, found.latest_strict, ends.falls):
        assert str(said) in text
    for said in (ends.loses_place, ends.random_falls, ends.drop, found.sufficiency, report.category, report.trending):
        assert str(said) in text
    assert f"({report.false_claims.successes}/{report.false_claims.n})" in text
    assert f"chance {100 * found.strict_chance:.1f}%" in text
    for stratum in report.strata:
        assert f"{stratum.explanation_type} {stratum.market} {stratum.length} {stratum.frame:,}" in text
    assert "streamrec-release/3@abcdef12" in text
    assert "&lt;b&gt;small&lt;/b&gt;" in text


def test_the_report_lies_beside_its_page(report: FaithfulnessReport, files: Mapping[str, bytes]) -> None:
    """As JSON that comes back, with every plot as a picture of its own and in the page."""
    assert report.to_json() == FaithfulnessReport.from_json(files["faithfulness.json"]).to_json()
    pictures = [name for name in files if name.endswith(".png")]
    assert {"by_length.png", "end_to_end.png", "types.png"} == set(pictures)
    assert all(files[name].startswith(PNG) for name in pictures)
    assert 3 == files["faithfulness.html"].count(b"data:image/png;base64,")


def test_a_release_without_history_sentences_has_a_page_too(report: FaithfulnessReport) -> None:
    """It says what there is, and nothing of history."""
    silent = msgspec.structs.replace(report, history=None, long_history=None)
    files = audit_files(silent, "streamrec-release/3@abcdef12", "small")
    assert "Because you watched &hellip;" not in text_of(files)
    assert "by_length.png" not in files
    assert str(report.category) in text_of(files)
