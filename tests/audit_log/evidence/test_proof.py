"""Inclusion proofs, checked by the stand-alone script in a process that cannot import the package."""

import json
import shutil
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from streamrec_explain.audit_log.evidence import verify_proof
from streamrec_explain.audit_log.evidence.entry_digest import canonical_bytes
from streamrec_explain.audit_log.evidence.proof import prove, prove_extension
from streamrec_explain.audit_log.evidence.sealed_tree import Seals
from streamrec_explain.audit_log.evidence.sealing import seal
from streamrec_explain.audit_log.evidence.signing import create_signing_key, public_path, rotate_signing_key
from streamrec_explain.audit_log.questions.lookup import AuditLog
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.encoding import table_of
from streamrec_explain.audit_log.table.partition import Partition
from streamrec_explain.errors import EntryNotFoundError, TamperError
from tests.audit_log.audit_requests import request


@pytest.fixture
def log(hot: AuditTable, cold: AuditTable, seals: Seals, tmp_path: Path) -> AuditLog:
    """Forty requests of five entries in three regions, sealed."""
    hot.append([request(n, items=5) for n in range(40)])
    seal([hot], seals, now_ms=1)
    return AuditLog(tmp_path / "journal", hot, cold)


@pytest.fixture
def public(seals: Seals, tmp_path: Path) -> Path:
    """The public key that was handed out."""
    return public_path(tmp_path / "signing_key.pem")


def _proof(log: AuditLog, seals: Seals, name: str = "request-7.3") -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(prove(name, log, seals))
    return found


def _script(folder: Path, proof: dict[str, Any], public: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a copy of the script alone in a folder, isolated from the product's path."""
    folder.mkdir(exist_ok=True)
    script = Path(shutil.copy(verify_proof.__file__, folder))
    (folder / "proof.json").write_text(json.dumps(proof), encoding="utf-8")
    command = [sys.executable, "-I", str(script), str(folder / "proof.json"), str(public), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)


def test_the_script_alone_proves_an_explanation(log: AuditLog, seals: Seals, public: Path, tmp_path: Path) -> None:
    """It names the head, and shows the entry when asked."""
    done = _script(tmp_path / "auditor", _proof(log, seals), public, "--entry")
    assert 0 == done.returncode, done.stdout + done.stderr
    assert "proven: request-7.3 is one of 65 entries sealed for 2026-01-01 EU" in done.stdout
    assert '"explanation_type": "watch_history"' in done.stdout
    assert "import streamrec_explain" not in Path(verify_proof.__file__).read_text(encoding="utf-8")


def test_every_explanation_can_be_proven(log: AuditLog, seals: Seals, public: Path) -> None:
    """First, last and odd leaves and entries alike."""
    for number in range(0, 40, 5):
        for position in (0, 2, 4):
            verify_proof.check(_proof(log, seals, f"request-{number}.{position}"), public.read_bytes())


def _flip(field: str) -> Callable[[dict[str, Any]], None]:
    def change(proof: dict[str, Any]) -> None:
        data = bytearray(b64decode(proof[field]))
        data[len(data) // 2] ^= 1
        proof[field] = b64encode(bytes(data)).decode()

    return change


def _set(field: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda proof: proof.update({field: value})


FORGERIES = {
    "entry": _flip("entry"),
    "head": _flip("head"),
    "signature": _flip("signature"),
    "other id": _set("explanation_id", "request-7.2"),
    "other leaf": lambda proof: proof.update(leaf_index=proof["leaf_index"] ^ 1),
    "other entry place": _set("entry_index", 2),
    "other size": _set("request_size", 4),
    "short path": lambda proof: proof.update(path=proof["path"][:-1]),
    "long path": lambda proof: proof.update(path=[*proof["path"], "00" * 32]),
    "no hex": _set("path", ["nothing"]),
    "negative": _set("leaf_index", -1),
    "format": _set("format", "another"),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_proof_is_refused(log: AuditLog, seals: Seals, public: Path, forgery: str) -> None:
    """Whatever part of it is changed."""
    proof = _proof(log, seals)
    FORGERIES[forgery](proof)
    with pytest.raises((verify_proof.NotProven, ValueError)):
        verify_proof.check(proof, public.read_bytes())


def test_a_head_of_another_region_proves_nothing(log: AuditLog, seals: Seals, public: Path) -> None:
    """Each proof stands on its own partition's head."""
    proof, other = _proof(log, seals), _proof(log, seals, "request-8.3")
    with pytest.raises(verify_proof.NotProven):
        verify_proof.check({**proof, "head": other["head"], "signature": other["signature"]}, public.read_bytes())


def test_another_key_proves_nothing_and_a_rotated_one_still_does(
    log: AuditLog, seals: Seals, public: Path, tmp_path: Path
) -> None:
    """The script says why, with exit code 1; signatures of an older key stay good beside a newer one."""
    proof = _proof(log, seals)
    create_signing_key(tmp_path / "other.pem")
    done = _script(tmp_path / "auditor", proof, public_path(tmp_path / "other.pem"))
    assert (1, "NOT PROVEN: the head is not signed by this public key\n") == (done.returncode, done.stdout)
    rotate_signing_key(tmp_path / "signing_key.pem")
    verify_proof.check(proof, public.read_bytes())


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """Exit code 2."""
    assert 2 == verify_proof.main([])
    assert 2 == verify_proof.main([str(tmp_path / "none"), str(tmp_path / "none")])


def test_the_script_reads_every_column(log: AuditLog) -> None:
    """Canonical bytes say all that the row says, nulls left out."""
    rows = table_of([request(3, items=1)])
    (row,), (data,) = rows.to_pylist(), canonical_bytes(rows)
    read = verify_proof.decoded(data)
    assert {name for name, value in row.items() if value is not None} == set(read)
    for name in ("request_id", "position", "ranking_score", "shap_1_value", "flags", "timestamp_ms"):
        assert row[name] == read[name]


def test_what_is_not_sealed_cannot_be_proven(log: AuditLog, seals: Seals) -> None:
    """Unknown, malformed, not sealed yet, and altered entries each say so."""
    for name in ("nobody.0", "request-7.9", "nonsense"):
        with pytest.raises(EntryNotFoundError):
            prove(name, log, seals)
    log.hot.append([request(300)])
    with pytest.raises(TamperError, match="not sealed as it lies there"):
        prove("request-300.0", log, seals)


def _extended(log: AuditLog, seals: Seals, versions: int) -> Partition:
    """A partition that got one more request per version."""
    for number in range(1, versions):
        log.hot.append([request(300 + 3 * number)])
        seal([log.hot], seals, now_ms=number)
    return Partition("2026-01-01", "US")


def test_newer_heads_extend_older_ones(log: AuditLog, seals: Seals, public: Path, tmp_path: Path) -> None:
    """Of every version, by the script too."""
    partition = _extended(log, seals, 6)
    proofs = [msgspec.to_builtins(prove_extension(partition, version, seals)) for version in range(1, 7)]
    checked = [verify_proof.check_extension(proof, public.read_bytes()) for proof in proofs]
    assert [(version, 6) for version in range(1, 7)] == [(old["version"], new["version"]) for old, new in checked]
    done = _script(tmp_path / "auditor", proofs[1], public)
    assert "proven: version 6 of 2026-01-01 US extends version 2\n" == done.stdout
    with pytest.raises(EntryNotFoundError, match="none of 7"):
        prove_extension(partition, 7, seals)


@pytest.mark.parametrize("forgery", ["short", "long", "other", "swapped", "other region"])
def test_a_forged_extension_is_refused(log: AuditLog, seals: Seals, public: Path, forgery: str) -> None:
    """A wrong path, heads the wrong way round, and heads of two partitions."""
    proof = msgspec.to_builtins(prove_extension(_extended(log, seals, 4), 2, seals))
    path = list(proof["path"])
    other = _proof(log, seals)  # of EU
    forged = {
        "short": {"path": path[:-1]},
        "long": {"path": [*path, "00" * 32]},
        "other": {"path": ["00" * 32, *path[1:]]},
        "swapped": {
            "head": proof["old_head"],
            "signature": proof["old_signature"],
            "old_head": proof["head"],
            "old_signature": proof["signature"],
        },
        "other region": {"head": other["head"], "signature": other["signature"]},
    }
    with pytest.raises(verify_proof.NotProven):
        verify_proof.check_extension({**proof, **forged[forgery]}, public.read_bytes())
