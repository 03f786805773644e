"""`streamrec investigate` and the forms of `trace`: text, JSON, page, pictures and lineage, and what is refused."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from streamrec_explain.cli.main import main
from tests.investigation.desks import Desk
from tests.serving.deployments import Deployment


@pytest.fixture
def home(built: Deployment, tmp_path: Path) -> Path:
    """A home whose journal holds the list r1, in Japanese, with a paid boost."""
    desk = Desk(built.copied(tmp_path / "home"))
    desk.answer(desk.context(1, boosts={0: 2.0}, locale="ja"))
    return tmp_path / "home"


def run(home: Path, *arguments: str) -> Result:
    """Run a command against a home."""
    return CliRunner().invoke(main, [*arguments, f"--home={home}"], catch_exceptions=False)


def test_as_text_in_the_language_that_is_asked_for(home: Path) -> None:
    """What was said, why, what the history did, what would have changed it, whether it is true."""
    done = run(home, "investigate", "r1.0", "--locale", "en")
    assert 0 == done.exit_code
    for part in ("r1.0 (journal)", "The main reasons", "What your viewing history did", "What would have changed"):
        assert part in done.output
    assert "UNRESOLVED run r1 of reranker" in done.output
    assert "主な理由" in run(home, "investigate", "r1.0").output


def test_as_json(home: Path) -> None:
    """The whole value; the regulatory profile without attention."""
    full = json.loads(run(home, "investigate", "r1.0", "--json").stdout)
    told = json.loads(run(home, "investigate", "r1.0", "--profile", "regulatory", "--json").stdout)
    assert ("full", "regulatory") == (full["profile"], told["profile"])
    assert full["features"] == told["features"]
    assert {None} == {event["attention"] for event in told["history"]["events"]}
    assert None not in {event["attention"] for event in full["history"]["events"]}


def test_as_page_and_pictures(home: Path, tmp_path: Path) -> None:
    """Files where they were asked for, folders made on the way."""
    page, charts = tmp_path / "new" / "page.html", tmp_path / "charts"
    done = run(home, "investigate", "r1.0", f"--html={page}", f"--charts={charts}", "--profile=regulatory")
    assert 0 == done.exit_code
    assert '<html lang="ja">' in page.read_text(encoding="utf-8")
    assert {"reasons.svg", "history.svg"} == {path.name for path in charts.iterdir()}
    for path in charts.iterdir():
        assert ElementTree.parse(path).getroot().tag.endswith("svg")


def test_a_sample(home: Path) -> None:
    """As many entries as asked for, each claim checked again; numbers with their denominators."""
    found = json.loads(run(home, "investigate", "--sample=4", "--json").stdout)
    assert (4, {}) == (found["investigated"], found["refused"])
    assert found["claims"]["successes"] == found["claims"]["n"] > 0
    assert 4 == found["place"]["n"] == found["sentence"]["n"]
    text = run(home, "investigate", "--sample=1")
    assert (0, True) == (text.exit_code, "explanations investigated: 1" in text.output)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("investigate", "r1.99"), 1, "EntryNotFoundError"),
        (("investigate", "nonsense"), 1, "EntryNotFoundError"),
        (("investigate",), 2, "--sample"),
        (("investigate", "r1.0", "--sample=3"), 2, "--sample"),
        (("investigate", "r1.0", "--profile=brief"), 2, "brief"),
        (("investigate", "r1.0", "--locale=fr"), 2, "fr"),
        (("investigate", "r1.0", "--html=/proc/nowhere/page.html"), 2, "cannot be written"),
        (("trace", "r1.0", "--openlineage=/proc/nowhere/event.json"), 2, "cannot be written"),
        (("trace", "r1.0", "--format=xml"), 2, "xml"),
    ],
)
def test_bad_input_is_named(home: Path, arguments: tuple[str, ...], code: int, message: str) -> None:
    """With the exit code that --help promises."""
    done = run(home, *arguments)
    assert (code, True) == (done.exit_code, message in done.stderr)


def test_a_lost_snapshot_fails(home: Path) -> None:
    """Nothing is made up from what is left."""
    for path in (home / "snapshots" / "trends").glob("*.arrow"):
        path.unlink()
    done = run(home, "investigate", "r1.0", "--json")
    assert (1, "SnapshotNotFoundError") == (done.exit_code, json.loads(done.stdout)["error"]["type"])


def test_who_asked_is_on_record(home: Path) -> None:
    """What was asked, with the profile, before it is answered; a wrong id is a question too."""
    run(home, "investigate", "r1.0", "--profile=regulatory")
    run(home, "investigate", "r1.99")
    found = json.loads(run(home, "audit-log", "accesses", "--json").stdout)
    asked = [(each["what"], each["asked"]) for each in found]
    assert ("investigate", {"explanation_id": "r1.0", "profile": "regulatory"}) in asked
    assert ("investigate", {"explanation_id": "r1.99", "profile": "full"}) in asked


def test_a_trace_in_three_forms(home: Path, tmp_path: Path) -> None:
    """Text, JSON and lineage say the same; a broken link is exit code 1 in each, and the file is written."""
    text = run(home, "trace", "r1.0")
    as_json = json.loads(run(home, "trace", "r1.0", "--format=json").stdout)
    event = run(home, "trace", "r1.0", "--format=openlineage", f"--openlineage={tmp_path / 'event.json'}")
    assert (1, 1) == (text.exit_code, event.exit_code)
    assert as_json == json.loads(run(home, "trace", "r1.0", "--json").stdout)
    found = json.loads(event.stdout)
    assert found == json.loads((tmp_path / "event.json").read_text(encoding="utf-8"))
    digests = {each["facets"]["version"]["datasetVersion"] for each in found["inputs"]}
    assert as_json["release"]["digest"] in digests
    assert as_json["release"]["digest"][:16] in text.output
    assert as_json["unresolved"] == found["run"]["facets"]["streamrec_explanation"]["unresolved"]
