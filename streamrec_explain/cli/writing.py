"""Commands that write the audit tables: the store is tried first, and kept from a second writer if it must be."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

from streamrec_explain.audit_log.table.store import writing
from streamrec_explain.cli.launching import check_home
from streamrec_explain.cli.options import now_ms
from streamrec_explain.home import Home


@contextmanager
def writing_tables(home: Path) -> Iterator[None]:
    """Held while a command writes the audit tables of a home folder; see `audit_log.table.store.writing`."""
    with writing(Home(check_home(home)), fresh_name):
        yield


def writes_tables(command: Callable[..., None]) -> Callable[..., None]:
    """A command that writes the audit tables, or only plans to where it has a `go_on` that is false."""

    @wraps(command)
    def run(*args: Any, home: Path, **kwargs: Any) -> None:
        if not kwargs.get("go_on", True):
            command(*args, home=home, **kwargs)
            return
        with writing_tables(home):
            command(*args, home=home, **kwargs)

    return run


def fresh_name() -> str:
    """A name that no other process of this machine uses now or later."""
    return f"{now_ms()}-{os.getpid()}"
