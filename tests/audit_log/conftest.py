"""Fixtures of the audit log: a journal, tables and seals in a fresh folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from streamrec_explain.audit_log.evidence.audit_ledger import AuditLedger
from streamrec_explain.audit_log.evidence.leaves import LeafStore
from streamrec_explain.audit_log.evidence.sealed_tree import Seals
from streamrec_explain.audit_log.evidence.signing import create_signing_key
from streamrec_explain.audit_log.journal.journal import Journal
from streamrec_explain.audit_log.table.audit_table import AuditTable
from tests.audit_log.s3_server import S3Server


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """An empty journal of worker 0."""
    with Journal(tmp_path / "journal" / "worker-0.sqlite", clock=lambda: 1) as opened:
        yield opened


@pytest.fixture
def hot(tmp_path: Path) -> AuditTable:
    """A hot table that was never written."""
    return AuditTable(str(tmp_path / "audit_log" / "hot"))


@pytest.fixture
def cold(tmp_path: Path) -> AuditTable:
    """A cold table that was never written."""
    return AuditTable(str(tmp_path / "audit_log" / "cold"), "cold")


@pytest.fixture
def seals(tmp_path: Path) -> Seals:
    """Where nothing was sealed yet."""
    signer = create_signing_key(tmp_path / "signing_key.pem")
    return Seals(LeafStore(tmp_path / "seals"), AuditLedger(tmp_path / "audit_ledger.sqlite"), signer)


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """A store that bears concurrent writers, with an empty bucket."""
    server = S3Server()
    yield server
    server.end()
