"""`streamrec audit-log ship`: the shipper, once or as a process beside the service."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from streamrec_explain.audit_log.journal.journal import DEFAULT_MAX_BYTES
from streamrec_explain.audit_log.shipping.rounds import ShipRound, ship_rounds
from streamrec_explain.audit_log.shipping.shipper import Keeping, ship_folder
from streamrec_explain.cli.options import home_option, now_ms
from streamrec_explain.cli.output import Output, with_output
from streamrec_explain.cli.stored import audit_log_of
from streamrec_explain.cli.writing import writing_tables
from streamrec_explain.errors import AuditLogError, UnsafeStoreError

PARENT_LOOK_S = 1.0
GIVING_WAY = 10  # niceness beside the parent, a service: entries can wait in the journal, its callers cannot


@click.command()
@home_option
@click.option("--watch", is_flag=True, help="Go on until SIGTERM or Ctrl-C, which end it after the batch under way.")
@click.option("--every", type=click.FloatRange(min=0.1), default=5.0, show_default=True, help="Seconds between rounds.")
@click.option(
    "--with-process", type=int, help="With --watch: give way to this process, the parent, and end when it is gone."
)
@click.option(
    "--journal-max-bytes",
    type=click.IntRange(min=1),
    default=DEFAULT_MAX_BYTES,
    envvar="STREAMREC_JOURNAL_MAX_BYTES",
    show_default=True,
    show_envvar=True,
    help="What the service lets a journal grow to; shipped records give way from half of it.",
)
@with_output
def ship(
    home: Path, watch: bool, every: float, with_process: int | None, journal_max_bytes: int, output: Output
) -> None:
    """Move what the journals hold into the hot table, each request exactly once.

    With --watch it tells each round that did or missed something, as a line (with --json as an object a line), and
    asks a store that is away less and less often, at least once a minute. Exit codes: 0 done, or ended when asked;
    1 a journal could not be shipped and keeps what it holds; 2 bad input.
    """
    log, keep = audit_log_of(home), Keeping(stored_bytes=journal_max_bytes // 2)
    if not watch:
        with writing_tables(home):
            reports = ship_folder(log.journals, log.hot, clock=now_ms, keep=keep)
        lines = [f"{each.journal_id}: {each.requests} requests, {each.rows} rows" for each in reports]
        output.show("\n".join(lines) or "no journal", msgspec.to_builtins(reports))
        return
    stop = _asked_to_end(with_process)
    with ExitStack() as held:
        _begin(home, held, stop, every)
        rounds = ship_rounds(
            log.journals,
            log.hot,
            clock=now_ms,
            pause=stop.wait,
            stopping=stop.is_set,
            every_s=every,
            keep=keep,
        )
        _tell(rounds, output)


def _begin(home: Path, held: ExitStack, stop: threading.Event, every: float) -> None:
    """Try the store, again and again while it is away; UnsafeStoreError if it does not bear this writer."""
    while not stop.is_set():
        try:
            held.enter_context(writing_tables(home))
        except UnsafeStoreError:
            raise
        except AuditLogError as error:
            click.echo(f"nothing can be shipped yet: {error}", err=True)
            stop.wait(every)
        else:
            return


def _tell(rounds: Iterator[ShipRound], output: Output) -> None:
    failed = True  # the first round is told whatever it did
    for done in rounds:
        if failed or done.requests or done.failures or done.damaged:
            click.echo(msgspec.json.encode(done).decode() if output.as_json else told(done, now_ms()))
        failed = bool(done.failures)


def told(done: ShipRound, now: int) -> str:
    """A round in one line."""
    when = datetime.fromtimestamp(now / 1000, UTC).isoformat(timespec="seconds")
    waiting = done.waiting
    line = (
        f"{when} shipped {done.requests} requests ({done.rows} rows); waiting: {waiting.requests} requests, "
        f"{waiting.stored_bytes} bytes, the oldest for {waiting.age_s(now):.0f} s"
    )
    line += f"; damaged and kept in the journal: {', '.join(done.damaged)}" if done.damaged else ""
    return f"{line}; again in {done.pause_s:.0f} s: {'; '.join(done.failures)}" if done.failures else line


def _asked_to_end(parent: int | None) -> threading.Event:
    """Set by SIGTERM, by Ctrl-C, and by the end of the parent where one is named."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())

    def follow() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_LOOK_S)
        stop.set()

    if parent is not None:
        os.nice(GIVING_WAY)
        threading.Thread(target=follow, name="parent-watch", daemon=True).start()
    return stop
