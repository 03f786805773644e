"""The command `streamrec`: its commands by name, each loaded when it is asked for."""

import signal
import sys
import threading
from importlib import import_module

import click

# Loading all of them takes seconds (MLflow alone one and a half), and a run needs one.
COMMANDS = {
    "audit-log": "audit_log",
    "backup": "backup",
    "compare": "compare",
    "compare-models": "compare_models",
    "demo": "demo",
    "events": "events",
    "explain": "explain",
    "investigate": "investigate",
    "promote": "promote",
    "keys": "keys",
    "releases": "promote",
    "replay": "replay",
    "restore": "backup",
    "rollback": "promote",
    "serve": "serve",
    "trace": "trace",
    "train": "train",
    "up": "up",
}


class LazyGroup(click.Group):
    """A group whose commands are imported from `streamrec_explain.cli.<module>` on first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command's name."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, None if there is none."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"streamrec_explain.cli.{COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command


@click.group(cls=LazyGroup)
@click.version_option(package_name="streamrec-explain")
def main() -> None:
    """Explanations for a recommender that are true of the model, and can be traced and replayed."""
    if threading.current_thread() is threading.main_thread():
        # A command told to end raises as it does on Ctrl-C, so that the processes it started end with it.
        signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))


if __name__ == "__main__":
    main()
