"""`streamrec promote`, `rollback` and `releases`: who is champion, and how that changed."""

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import msgspec

from streamrec_explain.cli.launching import check_home
from streamrec_explain.cli.options import home_option, now_ms, user_name
from streamrec_explain.cli.output import EXIT_GATES, Output, with_output
from streamrec_explain.errors import GateError, InvalidInputError, ReleaseNotFoundError
from streamrec_explain.home import Home
from streamrec_explain.release.ledger import Ledger, LedgerEntry
from streamrec_explain.release.mlflow_registry import MlflowRegistry
from streamrec_explain.release.model_version import ModelVersion
from streamrec_explain.release.promotion import Promoter


def promoter(home: Path) -> Promoter:
    """Moves the champion of a home folder."""
    stored = Home(check_home(home))
    return Promoter(MlflowRegistry.open(stored.registry_uri, stored.artifacts), Ledger(stored.ledger), now_ms)


@click.command()
@click.argument("version", type=int, required=False)
@home_option
@click.option("--override", is_flag=True, help="Promote although a gate refuses; needs --reason.")
@click.option("--reason", default="", help="Why; written in the promotion ledger.")
@with_output
def promote(version: int | None, home: Path, override: bool, reason: str, output: Output) -> None:
    """Make VERSION (the newest release if left out) the champion, if the gates stored on it allow it.

    Exit codes: 0 promoted, 1 failed (another promotion won, or the bundle was changed), 2 bad input, 3 a gate refuses.
    """
    if override and not reason.strip():
        raise InvalidInputError("--override needs --reason: it is written in the promotion ledger")
    mover = promoter(home)
    number = version if version is not None else _newest(mover)
    try:
        entry = mover.promote(number, who=user_name(), why=reason or "promoted by hand", override=override)
    except GateError as error:
        output.fail(error)
        sys.exit(EXIT_GATES)
    output.show(_told(entry), msgspec.to_builtins(entry))


@click.command()
@home_option
@click.option("--to", type=int, help="Version to go back to; the previous champion if left out.")
@click.option("--reason", default="rolled back by hand", show_default=True, help="Why; written in the ledger.")
@with_output
def rollback(home: Path, to: int | None, reason: str, output: Output) -> None:
    """Make an earlier champion the champion again.

    Exit codes: 0 done, 1 failed (there is no earlier one, or another promotion won), 2 bad input.
    """
    entry = promoter(home).rollback(to, who=user_name(), why=reason)
    output.show(_told(entry), msgspec.to_builtins(entry))


@dataclass(frozen=True)
class ListedRelease:
    """One registered release."""

    model_version: str
    aliases: tuple[str, ...]
    created_ms: int
    gates: dict[str, bool]


@dataclass(frozen=True)
class Releases:
    """Every release, the newest first, and every move of the champion."""

    releases: list[ListedRelease]
    ledger: list[dict[str, Any]]


@click.command()
@home_option
@with_output
def releases(home: Path, output: Output) -> None:
    """List releases with their gates, and the promotion ledger.

    Exit codes: 0 done, 1 failed, 2 bad input.
    """
    mover = promoter(home)
    registry = MlflowRegistry.open(Home(home).registry_uri, Home(home).artifacts)
    listed = [
        ListedRelease(
            str(ModelVersion.of(each.version, each.digest)),
            each.aliases,
            each.created_ms,
            {result.gate: result.passed for result in registry.gates(each.version).results},
        )
        for each in registry.releases()
    ]
    found = Releases(listed, [msgspec.to_builtins(entry) for entry in mover.ledger.entries()])
    output.show(_listed(found), asdict(found))


def _newest(mover: Promoter) -> int:
    registry = mover.registry
    found = registry.releases() if isinstance(registry, MlflowRegistry) else ()
    if not found:
        raise ReleaseNotFoundError("no release is registered yet; train one first: streamrec train")
    return found[0].version


def _told(entry: LedgerEntry) -> str:
    before = f", was version {entry.from_version}" if entry.from_version else ""
    overridden = " although gates refuse" if entry.overridden else ""
    return f"{entry.model_version} is the champion now{overridden}{before} ({entry.who}: {entry.why})"


def _listed(found: Releases) -> str:
    lines = []
    for each in found.releases:
        refused = [gate for gate, passed in each.gates.items() if not passed]
        verdict = f"refused by {', '.join(refused)}" if refused else "all gates passed" if each.gates else "not judged"
        lines.append(f"{each.model_version:<32} {verdict:<40} {' '.join(each.aliases)}")
    lines += ["", "ledger, newest first"]
    lines += [f"  {e['action']} {e['model_version']} by {e['who']}: {e['why']}" for e in found.ledger]
    return "\n".join(lines)
