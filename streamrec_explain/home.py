"""The home folder: where everything stored lies, so that drivers meet only there."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Home:
    """Paths below one root; nothing is created by naming it."""

    root: Path

    @property
    def registry_uri(self) -> str:
        """Tracking and registry URI of the embedded MLflow: one sqlite file."""
        return f"sqlite:///{self.root.resolve() / 'mlflow.db'}"

    @property
    def artifacts(self) -> Path:
        """MLflow's artifacts, every registered bundle among them."""
        return self.root / "mlartifacts"

    @property
    def dagster(self) -> Path:
        """DAGSTER_HOME: instance settings, runs and events."""
        return self.root / "dagster"

    @property
    def values(self) -> Path:
        """Asset values between steps."""
        return self.root / "values"

    @property
    def users(self) -> Path:
        """User feature snapshots: personal, erasable, never part of a release."""
        return self.root / "snapshots" / "users"

    @property
    def trends(self) -> Path:
        """Hourly trend snapshots."""
        return self.root / "snapshots" / "trends"

    @property
    def journal(self) -> Path:
        """One sqlite journal per serving worker."""
        return self.root / "journal"

    @property
    def audit_log_hot(self) -> str:
        """URI of the hot audit table, where `audit_store` names no other store."""
        return str(self.root.resolve() / "audit_log" / "hot")

    @property
    def audit_log_cold(self) -> str:
        """URI of the cold audit table, where `audit_store` names no other store."""
        return str(self.root.resolve() / "audit_log" / "cold")

    @property
    def audit_store(self) -> Path:
        """The store of the audit tables, if it is not this folder; private, since it may hold secrets."""
        return self.root / "audit_store.json"

    @property
    def audit_log_rollups(self) -> str:
        """URI of the roll-ups of both tables; always here, for they can be counted again."""
        return str(self.root.resolve() / "audit_log" / "rollups")

    @property
    def keys(self) -> Path:
        """The pseudonym key ring."""
        return self.root / "keys.json"

    @property
    def ledger(self) -> Path:
        """The promotion ledger."""
        return self.root / "ledger.sqlite"

    @property
    def signing_key(self) -> Path:
        """The private key that signs the audit ledger; its public half lies beside it."""
        return self.root / "signing_key.pem"

    @property
    def audit_ledger(self) -> Path:
        """The audit ledger: signed heads, withdrawals, erasures and holds."""
        return self.root / "audit_ledger.sqlite"

    @property
    def seals(self) -> Path:
        """The leaves of the audit log's Merkle trees."""
        return self.root / "seals"

    @property
    def holds(self) -> Path:
        """Whom standing legal holds are about: private."""
        return self.root / "holds"

    @property
    def accesses(self) -> Path:
        """Who asked the audit log what."""
        return self.root / "accesses.jsonl"

    @property
    def retention(self) -> Path:
        """How long audit entries are kept, if not as long as the product's default."""
        return self.root / "retention.json"

    @property
    def releases(self) -> Path:
        """The local cache of verified releases."""
        return self.root / "releases"
