"""The manifest of a release: what every file of the bundle hashes to and where everything in it came from."""

from collections.abc import Mapping

import msgspec

from streamrec_explain.errors import CorruptReleaseError
from streamrec_explain.hashing import canonical_json, digest

MANIFEST = "release.json"
SCHEMA_VERSION = 1

SESSION_MODEL = "streamrec-session-model"
RERANKER = "streamrec-reranker"
EXPLAINER = "streamrec-explainer"


class WorldPin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The world the models learnt from: its name and the SHA-256 of each of its tables."""

    name: str
    digests: Mapping[str, str]


class Pins(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the parts of a release came from.

    `components` maps a registered model to its version, `runs` the step that made a part to its MLflow run.
    `dagster_run` and `git_commit` are None where no orchestrator ran or the code lay in no repository.
    """

    components: Mapping[str, int]
    runs: Mapping[str, str]
    feature_spec: str
    libraries: Mapping[str, str]
    dagster_run: str | None = None
    git_commit: str | None = None


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """release.json: `files` maps each relative path of the bundle to its SHA-256; `created_ms` is Unix ms."""

    created_ms: int
    world: WorldPin
    pins: Pins
    files: Mapping[str, str]
    schema_version: int = SCHEMA_VERSION

    def to_json(self) -> bytes:
        """Canonical JSON: equal manifests have equal bytes, and so equal digests."""
        return canonical_json(msgspec.to_builtins(self))

    def digest(self) -> str:
        """The digest of the release: SHA-256 of the manifest's bytes, which name the hash of every file."""
        return digest(self.to_json())

    @classmethod
    def from_json(cls, data: bytes) -> "Manifest":
        """Read a manifest; CorruptReleaseError if it is malformed or of another schema version."""
        try:
            manifest = msgspec.json.decode(data, type=cls)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise CorruptReleaseError(f"{MANIFEST} is not a manifest: {error}", MANIFEST) from error
        if manifest.schema_version != SCHEMA_VERSION:
            version = manifest.schema_version
            message = f"{MANIFEST} has schema version {version}, this program reads {SCHEMA_VERSION}"
            raise CorruptReleaseError(message, MANIFEST)
        return manifest
