"""The audit log of a home folder: its tables, what proves them, what holds them, how long they are kept."""

from pathlib import Path

from streamrec_explain.audit_log.custody.holds import ActiveHold, Holds
from streamrec_explain.audit_log.evidence.audit_ledger import AuditLedger
from streamrec_explain.audit_log.evidence.leaves import LeafStore
from streamrec_explain.audit_log.evidence.sealed_tree import Evidence, Seals
from streamrec_explain.audit_log.evidence.signing import (
    Signer,
    create_signing_key,
    load_signing_key,
)
from streamrec_explain.audit_log.questions.lookup import AuditLog
from streamrec_explain.audit_log.table.store import store_of
from streamrec_explain.errors import SettingsError
from streamrec_explain.home import Home
from streamrec_explain.pseudonym import KeyRing, load_key_file


def log_of(home: Home) -> AuditLog:
    """Journals, hot and cold table."""
    return AuditLog(home.journal, *store_of(home).tables())


def evidence_of(home: Home) -> Evidence:
    """Leaves and ledger."""
    return Evidence(LeafStore(home.seals), AuditLedger(home.audit_ledger))


def seals_of(home: Home, signing_key: Path | None = None) -> Seals:
    """Leaves, ledger and the key that signs: the one named, or the home's own, made at its first use.

    SettingsError if the named key is absent, if the home's is lost after it signed, or if there is none and the
    tables lie in a store that others reach too: a key made up here would be lost with this machine.
    """
    evidence = evidence_of(home)
    return Seals(evidence.leaves, evidence.ledger, _signer(home, signing_key))


def holds_of(home: Home) -> Holds:
    """The legal holds."""
    return Holds(AuditLedger(home.audit_ledger), home.holds)


def active_holds(home: Home, keys: Path | None = None) -> tuple[ActiveHold, ...]:
    """The holds that stand; HoldError if it cannot be told whom one of them is about."""
    return holds_of(home).active(key_ring_of(home, keys))


def key_ring_of(home: Home, keys: Path | None = None) -> KeyRing | None:
    """The key ring, None where there is none yet."""
    path = keys or home.keys
    return load_key_file(path) if path.exists() else None


def _signer(home: Home, signing_key: Path | None) -> Signer:
    path = signing_key or home.signing_key
    if path.exists() or signing_key is not None or AuditLedger(home.audit_ledger).signed_records():
        return load_signing_key(path)
    store = store_of(home)
    if store.is_remote:
        raise SettingsError(f"{store.uri} is shared: name the signing key of the deployment")
    return create_signing_key(path)
