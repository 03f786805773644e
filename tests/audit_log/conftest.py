"""Fixtures of the audit log: a journal, tables and seals in a fresh folder."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamrec_explain.audit_log.evidence.audit_ledger import AuditLedger
from streamrec_explain.audit_log.evidence.leaves import LeafStore
from streamrec_explain.audit_log.evidence.sealed_tree import Seals
from streamrec_explain.audit_log.evidence.signing import create_signing_key
from streamrec_explain.audit_log.journal.journal import Journal
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.store import AuditStore
from tests.audit_log.s3_server import S3Server
from tests.audit_log.s3_store import S3Store, named_store


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """An empty journal of worker 0."""
    with Journal(tmp_path / "journal" / "worker-0.sqlite", clock=lambda: 1) as opened:
        yield opened


@pytest.fixture
def in_folder(named: S3Store | None) -> None:
    """For tests that look into the files of the tables, or take them away."""
    if named is not None:
        pytest.skip("the tables lie in no folder")


@pytest.fixture
def store(tmp_path: Path, named: S3Store | None) -> AuditStore:
    """Where the tables of a test lie: its folder, or a folder of the named store."""
    if named is None:
        return AuditStore(uri=str(tmp_path / "audit_log"))
    return AuditStore(uri=f"{named.uri}/{uuid.uuid4().hex}", options=named.options)


@pytest.fixture
def hot(store: AuditStore) -> AuditTable:
    """A hot table that was never written."""
    return store.tables()[0]


@pytest.fixture
def cold(store: AuditStore) -> AuditTable:
    """A cold table that was never written."""
    return store.tables()[1]


@pytest.fixture
def seals(tmp_path: Path) -> Seals:
    """Where nothing was sealed yet."""
    signer = create_signing_key(tmp_path / "signing_key.pem")
    return Seals(LeafStore(tmp_path / "seals"), AuditLedger(tmp_path / "audit_ledger.sqlite"), signer)


@pytest.fixture(scope="session")
def named() -> Iterator[S3Store | None]:
    """The real store that the environment names, None without one; tables without options reach it as well."""
    found = named_store()
    if found is None:
        yield None
        return
    with pytest.MonkeyPatch.context() as environment:
        for name, value in found.options.items():
            environment.setenv(name.upper(), value)
        yield found
        found.end()


@pytest.fixture(scope="session")
def s3(named: S3Store | None) -> Iterator[S3Store]:
    """A store that bears concurrent writers, with nothing in it: the named one, or else a mock."""
    if named is not None:
        yield named
        return
    server = S3Server()
    yield server
    server.end()
