"""Reading the model registry without MLflow: an sqlite store by read-only queries, a server by plain GETs.

Importing MLflow costs a process 1.4 s and 167 MB; the service and the auditor only need a few rows.
"""

import json
import sqlite3
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from streamrec_explain.errors import RegistryUnavailableError, ReleaseNotFoundError, SettingsError
from streamrec_explain.release.model_version import RELEASE
from streamrec_explain.release.registration import DIGEST_TAG

TIMEOUT_S = 2.0


@dataclass(frozen=True)
class StoredVersion:
    """A registered version: the digest of its files, the run that made it, and where its files lie.

    `location` is a URI; a server that keeps the files itself gives none (None).
    """

    name: str
    version: int
    digest: str
    run_id: str
    location: str | None
    tags: Mapping[str, str]


@dataclass(frozen=True)
class StoredData:
    """A data set that a run read, as kept in its run: name, SHA-256, source as JSON text, rows."""

    name: str
    digest: str
    source: str
    rows: int


@dataclass(frozen=True)
class StoredRun:
    """A run: name, status (RUNNING, FINISHED, FAILED...), params, last metric values, tags, data sets."""

    run_id: str
    name: str
    status: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    data: tuple[StoredData, ...]


class RegistryReader(Protocol):
    """Rows of a registry; every method raises RegistryUnavailableError if the registry does not answer."""

    def aliased(self, alias: str, name: str = RELEASE) -> StoredVersion:
        """The version an alias points at; ReleaseNotFoundError if it points nowhere."""

    def version(self, version: int, name: str = RELEASE) -> StoredVersion:
        """A version; ReleaseNotFoundError if there is none."""

    def run(self, run_id: str) -> StoredRun:
        """A run; ReleaseNotFoundError if there is none."""


def open_reader(uri: str) -> RegistryReader:
    """The reader for a registry URI; SettingsError if it is neither an sqlite file nor a server."""
    if uri.startswith("sqlite:///"):
        return SqliteReader(Path(uri.removeprefix("sqlite:///")))
    if uri.startswith(("http://", "https://")):
        return ServerReader(uri.rstrip("/"))
    scheme = uri.split(":", 1)[0]
    raise SettingsError(f"cannot read a registry of kind {scheme!r}; give sqlite:///FILE or a server's URL")


_VERSION = """
SELECT version, run_id, coalesce(storage_location, source) FROM model_versions
WHERE name = :name AND version = :version AND workspace = 'default' AND current_stage != 'Deleted_Internal'
"""
_ALIASED = """
SELECT version FROM registered_model_aliases WHERE name = :name AND alias = :alias AND workspace = 'default'
"""
_VERSION_TAGS = """
SELECT key, value FROM model_version_tags WHERE name = :name AND version = :version AND workspace = 'default'
"""
_RUN = "SELECT name, status FROM runs WHERE run_uuid = ? AND lifecycle_stage = 'active'"
_RUN_DATA = """
SELECT d.name, d.digest, d.dataset_source, d.dataset_profile
FROM inputs i JOIN datasets d ON d.dataset_uuid = i.source_id
WHERE i.destination_id = ? AND i.source_type = 'DATASET' ORDER BY d.name
"""


@dataclass(frozen=True)
class SqliteReader:
    """Reads the store's own tables (those of the MLflow release this package requires), never writing."""

    database: Path

    def aliased(self, alias: str, name: str = RELEASE) -> StoredVersion:
        """The version an alias points at."""
        with self._connection() as db:
            row = db.execute(_ALIASED, {"name": name, "alias": alias}).fetchone()
            if row is None:
                raise ReleaseNotFoundError(f"{name} has no alias {alias} in the model registry")
            return self._version(db, name, int(row[0]))

    def version(self, version: int, name: str = RELEASE) -> StoredVersion:
        """A version by its number."""
        with self._connection() as db:
            return self._version(db, name, version)

    def run(self, run_id: str) -> StoredRun:
        """A run by its id."""
        with self._connection() as db:
            row = db.execute(_RUN, (run_id,)).fetchone()
            if row is None:
                raise ReleaseNotFoundError(f"no run {run_id} in the model registry")
            params, metrics, tags = (
                dict(db.execute(f"SELECT key, value FROM {table} WHERE run_uuid = ?", (run_id,)))
                for table in ("params", "latest_metrics", "tags")
            )
            data = tuple(_data(*found) for found in db.execute(_RUN_DATA, (run_id,)))
        return StoredRun(run_id, row[0] or "", row[1], params, metrics, tags, data)

    def sources(self) -> tuple[str, ...]:
        """Where any run of the store read data from, each URI once."""
        with self._connection() as db:
            rows = db.execute("SELECT DISTINCT dataset_source FROM datasets").fetchall()
        return tuple(sorted({str(json.loads(source).get("uri", "")) for (source,) in rows}))

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            db = sqlite3.connect(f"{self.database.resolve().as_uri()}?mode=ro", uri=True, timeout=TIMEOUT_S)
            try:
                yield db
            finally:
                db.close()
        except sqlite3.Error as error:
            raise RegistryUnavailableError(f"the registry {self.database} cannot be read: {error}") from error

    @staticmethod
    def _version(db: sqlite3.Connection, name: str, version: int) -> StoredVersion:
        key = {"name": name, "version": version}
        row = db.execute(_VERSION, key).fetchone()
        if row is None:
            raise ReleaseNotFoundError(f"{name} has no version {version} in the model registry")
        tags = dict(db.execute(_VERSION_TAGS, key))
        return StoredVersion(name, int(row[0]), tags.get(DIGEST_TAG, ""), row[1] or "", row[2], tags)


@dataclass(frozen=True)
class ServerReader:
    """Reads an MLflow server by its REST interface."""

    url: str

    def aliased(self, alias: str, name: str = RELEASE) -> StoredVersion:
        """The version an alias points at."""
        return _server_version(self._get("registered-models/alias", name=name, alias=alias))

    def version(self, version: int, name: str = RELEASE) -> StoredVersion:
        """A version by its number."""
        return _server_version(self._get("model-versions/get", name=name, version=str(version)))

    def run(self, run_id: str) -> StoredRun:
        """A run by its id."""
        run = self._get("runs/get", run_id=run_id)["run"]
        info, facts = run["info"], run["data"]
        inputs = [found["dataset"] for found in run.get("inputs", {}).get("dataset_inputs", [])]
        data = (_data(each["name"], each["digest"], each["source"], each.get("profile")) for each in inputs)
        params, metrics, tags = (_pairs(facts.get(kind, [])) for kind in ("params", "metrics", "tags"))
        return StoredRun(
            run_id, info.get("run_name", ""), info["status"], params, metrics, tags, tuple(data)
        )

    def _get(self, path: str, **query: str) -> Any:
        address = f"{self.url}/api/2.0/mlflow/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(address, timeout=TIMEOUT_S) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code in (400, 404) and _is_absent(error.read()):
                raise ReleaseNotFoundError(f"the model registry has no {path} {query}") from error
            raise RegistryUnavailableError(f"{self.url} answers {error.code} to {path}") from error
        except (OSError, ValueError) as error:
            raise RegistryUnavailableError(f"the registry {self.url} does not answer: {error}") from error


def _is_absent(body: bytes) -> bool:
    return b"RESOURCE_DOES_NOT_EXIST" in body or b"INVALID_PARAMETER_VALUE" in body


def _server_version(answer: Any) -> StoredVersion:
    found = answer["model_version"]
    tags = _pairs(found.get("tags", []))
    number, digest = int(found["version"]), tags.get(DIGEST_TAG, "")
    return StoredVersion(found["name"], number, digest, found.get("run_id", ""), None, tags)


def _pairs(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {row["key"]: row["value"] for row in rows}


def _data(name: str, digest: str, source: str, profile: str | None) -> StoredData:
    """A data set as `mlflow_registry` logged it: the whole SHA-256 and the row count are in the profile."""
    facts = json.loads(profile or "{}")
    return StoredData(name, facts.get("sha256", digest), source, int(facts.get("rows", 0)))
