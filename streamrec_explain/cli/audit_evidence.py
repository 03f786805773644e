"""`streamrec audit-log seal`, `verify`, `prove`, `accesses`: evidence that the log is what it was, and who looked."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from streamrec_explain.audit_log.custody.access_log import AccessLog
from streamrec_explain.audit_log.evidence.proof import prove as prove_entry
from streamrec_explain.audit_log.evidence.proof import prove_extension as prove_heads
from streamrec_explain.audit_log.evidence.sealing import seal as seal_tables
from streamrec_explain.audit_log.evidence.signing import load_public_keys, public_path
from streamrec_explain.audit_log.evidence.verification import Span, Verdict
from streamrec_explain.audit_log.home_log import evidence_of, log_of, seals_of
from streamrec_explain.audit_log.table.partition import Partition
from streamrec_explain.audit_log.verification_process import VerificationRequest, verify_apart
from streamrec_explain.cli.custody import key_ring, keys_option, record_access, signing_key_option
from streamrec_explain.cli.launching import check_home
from streamrec_explain.cli.options import home_option, now_ms
from streamrec_explain.cli.output import EXIT_REFUSED, Output, with_output
from streamrec_explain.home import Home

DAY = click.DateTime(["%Y-%m-%d"])


def day_name(day: datetime | None) -> str | None:
    """A day as YYYY-MM-DD."""
    return None if day is None else day.date().isoformat()


@click.command()
@home_option
@signing_key_option
@click.option("--before", type=DAY, help="Only days before this one (UTC).")
@with_output
def seal(home: Path, signing_key: Path | None, before: datetime | None, output: Output) -> None:
    """Put what was shipped under a signed Merkle root per day and region; late entries extend a tree.

    Exit codes: 0 done, 1 sealed entries are gone or altered (see verify), 2 bad input.
    """
    stored = Home(check_home(home))
    tables, seals = log_of(stored).tables(), seals_of(stored, signing_key)
    reports = seal_tables(tables, seals, now_ms=now_ms(), before=day_name(before))
    lines = [
        f"{each.head.date} {each.head.region}: {each.added} requests more, version {each.head.version} of "
        f"{each.head.entries} entries, root {each.head.root}"
        for each in reports
    ]
    output.show("\n".join(lines) or "nothing new to seal", msgspec.to_builtins(reports))


@click.command()
@home_option
@click.option("--from", "first", type=DAY, help="From this day (UTC).")
@click.option("--to", "last", type=DAY, help="To this day (UTC), itself included.")
@click.option("--region", help="One market.")
@click.option("--known", metavar="DIGEST", help="A ledger digest that an earlier verification told.")
@click.option(
    "--public-key", type=click.Path(path_type=Path), help="The public key that was handed out; else the home's."
)
@with_output
def verify(
    home: Path,
    first: datetime | None,
    last: datetime | None,
    region: str | None,
    known: str | None,
    public_key: Path | None,
    output: Output,
) -> None:
    """Compare every entry with what was sealed, and the ledger with its signatures.

    Finds what was changed, put in, left out, moved, cut or swapped, and what is not sealed yet. Exit codes: 0 all
    sound, 1 not, 2 bad input.
    """
    span = Span(day_name(first), day_name(last), region)
    key = public_key or public_path(Home(check_home(home)).signing_key)
    load_public_keys(key)  # a bad one is told before anything is read
    verdict = verify_apart(VerificationRequest(str(home), span, known, str(key)))
    output.show(_told(verdict), {**msgspec.to_builtins(verdict), "sound": verdict.sound})
    sys.exit(0 if verdict.sound else EXIT_REFUSED)


@click.command()
@click.argument("explanation_id")
@home_option
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Where the proof goes (JSON).")
@with_output
def prove(explanation_id: str, home: Path, out: Path, output: Output) -> None:
    """Write a proof that an explanation's entry is sealed; `verify_proof.py` checks it without this package.

    Exit codes: 0 done, 1 there is no such entry, or it is not sealed as it lies there.
    """
    stored = Home(check_home(home))
    record_access(home, "prove", {"explanation_id": explanation_id})
    proof = prove_entry(explanation_id, log_of(stored), evidence_of(stored))
    out.write_bytes(msgspec.json.format(msgspec.json.encode(proof)))
    output.show(f"{out}: leaf {proof.leaf_index}, signed by {proof.key_id}", {"file": str(out)})


@click.command(name="prove-extension")
@click.argument("day", type=DAY)
@click.argument("region")
@home_option
@click.option("--version", type=click.IntRange(min=1), required=True, help="The older head.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Where the proof goes (JSON).")
@with_output
def prove_extension(day: datetime, region: str, home: Path, version: int, out: Path, output: Output) -> None:
    """Write a proof that the newest head of a day and region holds all that an older head held.

    Exit codes: 0 done, 1 there is no such head, 2 bad input.
    """
    partition = Partition(day.date().isoformat(), region)
    proof = prove_heads(partition, version, evidence_of(Home(check_home(home))))
    out.write_bytes(msgspec.json.format(msgspec.json.encode(proof)))
    output.show(f"{out}: {len(proof.path)} hashes", {"file": str(out)})


@click.command()
@home_option
@keys_option
@click.option("--user", help="Only questions about this user.")
@with_output
def accesses(home: Path, keys: Path | None, user: str | None, output: Output) -> None:
    """List who asked the audit log what, on the command line and in the auditor's app.

    Exit codes: 0 done, 2 bad input.
    """
    found = AccessLog(Home(check_home(home)).accesses).accesses()
    if user is not None:
        subjects = set(key_ring(home, keys).subjects(user).values())
        found = [each for each in found if subjects & set(each.subjects)]
    lines = [
        f"{datetime.fromtimestamp(each.at_ms / 1000, UTC).isoformat(timespec='seconds')}  {each.who} ({each.via})  "
        f"{each.what} {' '.join(f'{name}={value}' for name, value in each.asked.items())}"
        + (f" of {each.subjects[-1][:8]}" if each.subjects else "")
        for each in found
    ]
    output.show("\n".join(lines) or "nobody asked yet", msgspec.to_builtins(found))


def _told(verdict: Verdict) -> str:
    lines = [f"LEDGER {problem}" for problem in verdict.problems]
    for each in verdict.partitions:
        state = "NOT SOUND" if each.problems else "sound"
        gone = f", {each.withdrawn} lawfully withdrawn" if each.withdrawn else ""
        lines.append(
            f"{each.date} {each.region}: {state}, {each.entries} entries, {each.requests} requests sealed{gone}"
        )
        lines += [f"  {problem}" for problem in each.problems]
    lines.append(f"ledger of {verdict.ledger_records} records, last digest {verdict.ledger_digest} (keep it elsewhere)")
    return "\n".join(lines)
