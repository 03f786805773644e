"""One small trained home, shared: training it is the slowest thing the suite does."""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from streamrec_explain.cli.demo_lists import DemoLists, request_body
from streamrec_explain.cli.main import main
from tests.end_to_end.running import RunningService

USERS = 400


class CommandLine:
    """`streamrec` against one home folder."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def command(self, *arguments: str) -> list[str]:
        """The command as a process of its own."""
        start = [sys.executable, "-W", "ignore", "-m", "streamrec_explain.cli.main"]
        return [*start, *arguments, f"--home={self.home}"]

    def run(self, *arguments: str) -> Result:
        """Run a command to its end in this process, which has loaded its libraries already."""
        return CliRunner().invoke(main, [*arguments, f"--home={self.home}"], catch_exceptions=False)

    def json(self, *arguments: str) -> Any:
        """The JSON that a command prints; the test fails if it does not exit with 0."""
        done = self.run(*arguments, "--json")
        assert 0 == done.exit_code, done.output
        return json.loads(done.stdout)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """A home with one release of a tiny world; 20 audited sentences are too few for the bound of faithfulness."""
    line = CommandLine(tmp_path_factory.mktemp("home") / "home")
    done = line.run("train", f"--users={USERS}", "--audited=20", "--json")
    assert 3 == done.exit_code, done.output
    return line


@pytest.fixture(scope="session")
def champion(trained: CommandLine) -> CommandLine:
    """The trained home with its release promoted by an override."""
    trained.json("promote", "1", "--override", "--reason", "a tiny world")
    return trained


@pytest.fixture(scope="session")
def bodies(champion: CommandLine) -> list[bytes]:
    """Requests for a few lists, under the ids e2e-0, e2e-1..."""
    sampled = DemoLists(champion.home, seed=0).sampled(4)
    return [request_body(user, context, f"e2e-{number}") for number, (user, context) in enumerate(sampled)]


@pytest.fixture
def copy(champion: CommandLine, tmp_path: Path) -> CommandLine:
    """A home of the test's own with the same champion; the registered files stay where they are."""
    home = tmp_path / "home"
    home.mkdir()
    for name in ("mlflow.db", "ledger.sqlite"):
        shutil.copy(champion.home / name, home / name)
    for name in ("snapshots", "values/events"):
        shutil.copytree(champion.home / name, home / name)
    return CommandLine(home)


@pytest.fixture
def service(copy: CommandLine) -> Iterator[RunningService]:
    """The service of that home."""
    running = RunningService(copy.home)
    yield running
    running.kill()


@pytest.fixture(scope="session")
def registered(champion: CommandLine) -> Path:
    """The champion's folder among the registry's files."""
    return next(champion.home.glob("mlartifacts/**/release.json")).parent
