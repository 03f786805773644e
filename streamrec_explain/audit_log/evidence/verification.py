"""Verification: compare what the tables hold with what was sealed and signed, and say what is wrong and where."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress

import msgspec
import pyarrow as pa

from streamrec_explain.audit_log.evidence.audit_ledger import SignedRecord, chain_problems
from streamrec_explain.audit_log.evidence.hashed_requests import requests_in
from streamrec_explain.audit_log.evidence.leaves import LeafStore
from streamrec_explain.audit_log.evidence.ledger_records import Record
from streamrec_explain.audit_log.evidence.merkle import root
from streamrec_explain.audit_log.evidence.sealed_tree import Evidence, Tree, trees
from streamrec_explain.audit_log.evidence.signing import PublicKeys
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.partition import Partition
from streamrec_explain.errors import AuditLogError

_NAMED = 5  # so many request ids or leaves are named; the rest is counted


class PartitionVerdict(msgspec.Struct, frozen=True):
    """One (date, region): its tree, what was found in the tables, and what is wrong (nothing: `problems` is empty)."""

    date: str
    region: str
    versions: int
    requests: int
    withdrawn: int
    entries: int
    problems: tuple[str, ...]


class Verdict(msgspec.Struct, frozen=True):
    """What was verified. Keep `ledger_digest`: the next verification can be asked whether it is still there."""

    ledger_records: int
    ledger_digest: str | None
    problems: tuple[str, ...]
    partitions: tuple[PartitionVerdict, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing at all is wrong."""
        return not self.problems and not any(each.problems for each in self.partitions)


class Span(msgspec.Struct, frozen=True):
    """Which partitions are verified: days (YYYY-MM-DD, both included) and a region; None does not matter."""

    first: str | None = None
    last: str | None = None
    region: str | None = None

    def holds(self, partition: Partition) -> bool:
        """Whether a partition lies in the span."""
        early = self.first is not None and partition.date < self.first
        late = self.last is not None and partition.date > self.last
        return not (early or late) and self.region in (None, partition.region)


def verify(
    tables: Sequence[AuditTable],
    evidence: Evidence,
    keys: PublicKeys,
    span: Span = Span(),  # noqa: B008 a frozen value
    known_digest: str | None = None,
) -> Verdict:
    """Check the ledger's chain, every tree in the span and every entry of its partitions; raises for nothing found.

    `known_digest` is a ledger digest that an earlier verification told: gone, the ledger was cut or replaced.
    """
    signed = evidence.ledger.signed_records()
    problems = chain_problems(signed, keys)
    digests = [each.digest for each in signed]
    if known_digest is not None and known_digest not in digests:
        problems.append(f"the ledger no longer holds the record {known_digest}: it was cut or replaced")
    known = trees(_readable(signed))
    named = {each for table in tables for each in table.partitions()} | set(known)
    verdicts = tuple(
        _verdict(each, tables, known.get(each, Tree()), evidence.leaves) for each in sorted(named) if span.holds(each)
    )
    return Verdict(len(signed), digests[-1] if digests else None, tuple(problems), verdicts)


def _readable(signed: Sequence[SignedRecord]) -> Iterator[Record]:
    for each in signed:
        with suppress(AuditLogError):  # told among the chain's problems
            yield each.content.record


def _verdict(partition: Partition, tables: Sequence[AuditTable], tree: Tree, leaves: LeafStore) -> PartitionVerdict:
    problems, entries = [], 0
    try:
        sealed = leaves.read(partition, tree.requests)
        problems += _tree_problems(tree, sealed)
        found, entries, doubled = _found(partition, tables)
        problems += [*doubled, *_content_problems(tree, sealed, found)]
    except (AuditLogError, pa.ArrowException, UnicodeError) as error:  # a damaged file may decode to anything
        problems.append(f"cannot be read: {error}")
    withdrawn = tree.requests - int(tree.standing().sum())
    return PartitionVerdict(
        partition.date, partition.region, len(tree.heads), tree.requests, withdrawn, entries, tuple(problems)
    )


def _tree_problems(tree: Tree, sealed: Sequence[bytes]) -> list[str]:
    """Every version must give its root over its own first leaves: then each extends the one before."""
    problems, size = [], 0
    for number, head in enumerate(tree.heads, start=1):
        if head.version != number or head.requests < size:
            problems.append(f"head {head.version} does not extend the head before it")
        if root(sealed[: head.requests]).hex() != head.root:
            problems.append(f"the leaves do not give the root of head {head.version}")
        size = head.requests
    return problems


def _found(partition: Partition, tables: Sequence[AuditTable]) -> tuple[dict[bytes, str], int, list[str]]:
    """Request ids by leaf over all tiers, the entries in them, and what one tier holds twice."""
    found: dict[bytes, str] = {}
    entries: dict[bytes, int] = {}
    doubled: list[str] = []
    for table in tables:
        times: Counter[bytes] = Counter()
        for each in requests_in(table, partition, table.open()):
            found[each.leaf], entries[each.leaf] = each.request_id, each.entries
            times[each.leaf] += 1
        twice = [found[leaf] for leaf, count in times.items() if count > 1]
        doubled += [f"held twice in {table.tier}: {_some(twice)}"] if twice else []
    return found, sum(entries.values()), doubled


def _content_problems(tree: Tree, sealed: Sequence[bytes], found: dict[bytes, str]) -> list[str]:
    problems, stands, known = [], tree.standing(), set(sealed)
    missing = [str(place) for place, leaf in enumerate(sealed) if stands[place] and leaf not in found]
    if missing:
        problems.append(f"sealed and now gone or altered: leaves {_some(missing)}")
    strange = [name for leaf, name in found.items() if leaf not in known]
    if strange:
        problems.append(f"not as sealed, put in, or came late (seal, then verify again): {_some(strange)}")
    left = [found[leaf] for place, leaf in enumerate(sealed) if not stands[place] and leaf in found]
    if left:
        problems.append(f"withdrawn and still there (run the erasure or expiry again): {_some(left)}")
    return problems


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(sorted(names)[:_NAMED]) + more
