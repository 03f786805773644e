"""The command line: every command is there, says what it does and its exit codes, and loads alone."""

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from streamrec_explain.cli.main import COMMANDS, main


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help(name: str) -> None:
    """`streamrec COMMAND --help` tells at least one sentence."""
    found = main.get_command(click.Context(main), name)
    assert found is not None
    assert found.help, name
    done = CliRunner().invoke(main, [name, "--help"])
    assert (0, True) == (done.exit_code, "--help" in done.output)


def test_unknown_command_is_bad_input() -> None:
    """A name that is none exits 2 and says so."""
    done = CliRunner().invoke(main, ["no-such-command"])
    assert 2 == done.exit_code
    assert "no-such-command" in done.output


def test_one_command_does_not_load_the_others() -> None:
    """Validating events needs neither registry nor models."""
    code = (
        "import sys, click; from streamrec_explain.cli.main import main;"
        "main.get_command(click.Context(main), 'events');"
        "print(sorted(set(sys.modules) & {'mlflow', 'torch', 'lightgbm', 'deltalake'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]" == done.stdout.strip()
