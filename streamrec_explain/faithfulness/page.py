"""The page of a faithfulness audit: what was asked, how, what was found, and where it ends, for people."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from streamrec_explain.faithfulness.gradients import STEPS
from streamrec_explain.faithfulness.plots import audit_plots
from streamrec_explain.faithfulness.report import FaithfulnessReport, HistoryFaithfulness, MeasuredRate
from streamrec_explain.pages.rendering import page, picture

TEMPLATE = Path(__file__).parent / "page.html"
CAPTIONS = {
    "by_length": "Watch-history sentences that pass, by history length; dashed: what items named at random reach",
    "end_to_end": "How often the score that ranked the item falls without the named items, and without random ones",
    "types": "Shares of the types of sentences",
}


class Finding(NamedTuple):
    """One line of a table: a question, what was found, and what to hold it against."""

    question: str
    found: str
    beside: str


def audit_page(report: FaithfulnessReport, model_version: str, world: str, plots: Mapping[str, bytes]) -> str:
    """The HTML page of a report on one release, with the plots of `audit_plots`."""
    return page(
        TEMPLATE,
        "Are the explanations true?",
        model_version=model_version,
        world=world,
        report=report,
        claims=list(_claims(report)),
        history=list(_history(report.history)) if report.history else [],
        long_history=list(_history(report.long_history)) if report.long_history else [],
        shares={kind: percent(share) for kind, share in sorted(report.shares.items(), key=lambda pair: -pair[1])},
        pictures={name: picture(png, CAPTIONS[name]) for name, png in plots.items()},
        captions=CAPTIONS,
        small=_small,
        steps=STEPS,
    )


def percent(value: float) -> str:
    """A share as people read it."""
    return f"{100 * value:.1f}%"


def _claims(report: FaithfulnessReport) -> Iterator[Finding]:
    yield Finding("Sentences of any type that are false", _small(report.false_claims), _users(report.false_claims))
    long = f"the same, histories of {report.long_length} events and more"
    yield Finding(long, _small(report.long_false_claims), _users(report.long_false_claims))
    recomputed = (
        ("Category: a category feature is among the three strongest and raises the score", report.category),
        ("Trending: the count told is the count of events", report.trending),
        ("Personalised: the score falls without the history", report.personalized),
        ("Promoted: the place differs without the boost", report.promoted),
    )
    for question, rate in recomputed:
        yield Finding(question, str(rate), _users(rate))


def _history(found: HistoryFaithfulness) -> Iterator[Finding]:
    """One line for each question that was put to watch-history sentences."""
    ends = found.end_to_end
    random = f"random items {found.random_strict}; latest items {found.latest_strict}"
    yield Finding(
        "The named items are those whose removal costs the session score most",
        str(found.strict),
        f"chance {percent(found.strict_chance)}; {random}",
    )
    yield Finding("Every named item raises the session score", str(found.raises), "")
    yield Finding(
        "The score that ranked the item falls without them, every feature computed again",
        str(ends.falls),
        f"random items {ends.random_falls}",
    )
    yield Finding("The same with the user features of the request", str(ends.falls_at_request), "")
    yield Finding(
        "The item goes down in the list ranked again without them",
        str(ends.loses_place),
        f"random items {ends.random_loses_place}",
    )
    yield Finding("How much that score falls, in log-odds", str(ends.drop), f"places lost {ends.places_lost}")
    yield Finding(
        "The case study's criterion: among the five largest integrated gradients",
        str(found.case_study),
        f"chance {percent(found.case_study_chance)}; latest items {found.latest_case_study}; "
        f"{found.gradients_rejected} rejected for incomplete gradients",
    )
    yield Finding(
        "They would also cost most had the later events moved up",
        str(found.closed_up),
        "not claimed: the sentence is about removing them from the history",
    )
    yield Finding(
        "Comprehensiveness: what the session score loses without them (ERASER)",
        str(found.comprehensiveness),
        f"random items {found.random_comprehensiveness}",
    )
    yield Finding(
        "Sufficiency: what it loses with nothing else left; lower is better (ERASER)",
        str(found.sufficiency),
        f"random items {found.random_sufficiency}",
    )


def _small(rate: MeasuredRate) -> str:
    """A rate that is hoped to be 0, to a hundredth of a percent."""
    if rate.value is None:
        return "none in the sample"
    return f"{100 * rate.value:.2f}% [{100 * rate.low:.2f}, {100 * rate.high:.2f}] ({rate.successes}/{rate.n})"


def _users(rate: MeasuredRate) -> str:
    return f"{rate.users} users" if rate.users else ""


def audit_files(report: FaithfulnessReport, model_version: str, world: str) -> dict[str, bytes]:
    """Everything that is kept beside a release: the report as JSON, its page, and the plots."""
    plots = audit_plots(report)
    html = audit_page(report, model_version, world, plots).encode()
    pictures = {f"{name}.png": png for name, png in plots.items()}
    return {"faithfulness.json": report.to_json(), "faithfulness.html": html} | pictures
