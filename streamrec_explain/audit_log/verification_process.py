"""Verification in a process of its own, for a damaged file can end whoever reads it.

Usage: python -m streamrec_explain.audit_log.verification_process REQUEST (JSON), the verdict on standard output.
"""

import subprocess
import sys
from pathlib import Path

import msgspec

from streamrec_explain.audit_log.evidence.sealed_tree import trees
from streamrec_explain.audit_log.evidence.signing import load_public_keys
from streamrec_explain.audit_log.evidence.verification import PartitionVerdict, Span, Verdict, verify
from streamrec_explain.audit_log.home_log import evidence_of, log_of
from streamrec_explain.errors import AuditLogError
from streamrec_explain.home import Home

ENDED = "reading its files ends the reader: they are damaged"


class VerificationRequest(msgspec.Struct, frozen=True):
    """What is to be verified in a home; `known_digest` as in `verify`, `public_keys` a file."""

    home: str
    span: Span
    known_digest: str | None
    public_keys: str


def verify_apart(asked: VerificationRequest) -> Verdict:
    """The verdict of a child process; if it is ended, each partition's own, and which one ends whoever reads it."""
    whole = _child(asked)
    return _by_partition(asked) if whole is None else whole


def _by_partition(asked: VerificationRequest) -> Verdict:
    evidence, log = evidence_of(Home(Path(asked.home))), log_of(Home(Path(asked.home)))
    signed = evidence.ledger.signed_records()
    named = {each for table in log.tables() for each in table.partitions()}
    problems: tuple[str, ...] = ()
    verdicts = []
    for each in sorted(named | set(trees(evidence.ledger.records()))):
        if asked.span.holds(each):
            part = _child(msgspec.structs.replace(asked, span=Span(each.date, each.date, each.region)))
            problems = part.problems if part else problems
            ended = PartitionVerdict(each.date, each.region, 0, 0, 0, 0, (ENDED,))
            verdicts.append(part.partitions[0] if part else ended)
    return Verdict(len(signed), signed[-1].digest if signed else None, problems, tuple(verdicts))


def _child(asked: VerificationRequest) -> Verdict | None:
    """The verdict of a child; None if a signal ended it. AuditLogError if it could not begin."""
    request = msgspec.json.encode(asked).decode()
    command = [sys.executable, "-m", "streamrec_explain.audit_log.verification_process", request]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode < 0:
        return None
    if done.returncode:
        raise AuditLogError(f"the verification did not begin: {done.stderr.decode(errors='replace')[-500:]}")
    return msgspec.json.decode(done.stdout, type=Verdict)


def main(request: str) -> None:
    """Verify what the request says and print the verdict."""
    asked = msgspec.json.decode(request, type=VerificationRequest)
    home = Home(Path(asked.home))
    keys = load_public_keys(Path(asked.public_keys))
    verdict = verify(log_of(home).tables(), evidence_of(home), keys, asked.span, asked.known_digest)
    sys.stdout.buffer.write(msgspec.json.encode(verdict))


if __name__ == "__main__":
    main(sys.argv[1])
