"""The command line: every command tells how it is used and how it ends, and loads alone."""

import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from streamrec_explain.cli.main import main


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command below a group with the words that call it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = dict(commands(main))


def test_the_promised_commands_exist() -> None:
    """What the README's table of commands names."""
    promised = {"events", "train", "promote", "rollback", "releases", "explain", "serve", "trace", "replay"}
    promised |= {"audit-log", "backup", "compare", "compare-models", "demo", "investigate", "keys", "restore", "up"}
    assert promised == {words[0] for words in COMMANDS}


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_tells_exit_codes(words: tuple[str, ...]) -> None:
    """A first sentence and what the exit codes mean."""
    done = CliRunner().invoke(main, [*words, "--help"])
    text = " ".join(done.output.split())
    assert 0 == done.exit_code
    assert "Exit codes: 0" in text


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_option_has_help(words: tuple[str, ...]) -> None:
    """No option is left to guessing."""
    options = [each for each in COMMANDS[words].params if isinstance(each, click.Option)]
    assert [] == [each.name for each in options if not each.help]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_speaks_json(words: tuple[str, ...]) -> None:
    """Programs may call each of them."""
    assert "as_json" in {each.name for each in COMMANDS[words].params}


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
