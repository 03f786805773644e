"""One small trained home, shared: training it is the slowest thing the suite does."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

USERS = 400


class CommandLine:
    """`streamrec` as a process against one home folder."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end."""
        command = [sys.executable, "-W", "ignore", "-m", "streamrec_explain.cli.main", *arguments]
        return subprocess.run([*command, f"--home={self.home}"], capture_output=True, text=True, check=False)

    def json(self, *arguments: str) -> object:
        """The JSON that a command prints; the test fails if it does not exit with 0."""
        done = self.run(*arguments, "--json")
        assert 0 == done.returncode, done.stdout + done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """A home with one release of a tiny world; its few history sentences miss the faithfulness gate's bound."""
    line = CommandLine(tmp_path_factory.mktemp("home") / "home")
    done = line.run("train", f"--users={USERS}", "--audited=40", "--json")
    assert done.returncode in (0, 3), done.stderr
    return line


@pytest.fixture(scope="session")
def champion(trained: CommandLine) -> CommandLine:
    """The trained home with its release promoted by an override."""
    trained.json("promote", "1", "--override", "--reason", "a tiny world")
    return trained
