"""`streamrec demo` twice on one home: what a newcomer sees, and that the second release takes over."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from streamrec_explain.cli.main import main
from tests.end_to_end.conftest import CommandLine

USERS = 400


def toured(home: Path, *more: str) -> Any:
    """The JSON of a demo."""
    done = CliRunner().invoke(main, ["demo", f"--home={home}", f"--users={USERS}", "--json", *more])
    assert 0 == done.exit_code, done.output
    return json.loads(done.stdout)


@pytest.mark.slow
def test_demo_twice(tmp_path: Path) -> None:
    """All is told by the JSON; the explanation it names can be traced with the second release as with the first."""
    home = tmp_path / "home"
    tours = [toured(home), toured(home, "--seed=1")]
    assert [1, 2] == [int(each["model_version"].split("/")[1].split("@")[0]) for each in tours]
    assert tours[1]["model_version"] == CommandLine(home).json("releases")["ledger"][0]["model_version"]
    for tour in tours:
        assert 10 == len(tour["sentences"])
        assert tour["shipped_rows"] == sum(tour["type_mix"].values())
        assert ([], True) == (tour["trace"]["unresolved"], tour["replay"]["identical"])
        assert (
            tour["model_version"] == CommandLine(home).json("trace", tour["explanation_id"])["release"]["model_version"]
        )
        assert len(tour["metrics"]["session_model"]["baselines"]) == 3
