"""The whole life of entries on a real store: races, rival shippers under kill -9, custody, erasure, expiry.

`python -m tests.reference.store_life STORE`, a file like HOME/audit_store.json, works in a fresh folder of that store
and deletes it at the end. Exit code 0 if the store bears concurrent writers, nothing acknowledged was lost, doubled or
changed, and nothing that had to go stayed.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
from deltalake.fs import DeltaStorageHandler
from pyarrow.fs import FileSelector, FileSystem, PyFileSystem

from streamrec_explain.audit_log.evidence.signing import create_signing_key
from streamrec_explain.audit_log.home_log import log_of
from streamrec_explain.audit_log.journal.journal import Journal
from streamrec_explain.audit_log.maintenance.vacuum import apply_vacuum, plan_vacuum
from streamrec_explain.audit_log.questions.lookup import AuditLog
from streamrec_explain.audit_log.table.put_race import PutRaces
from streamrec_explain.audit_log.table.store import AuditStore
from streamrec_explain.errors import EntryNotFoundError
from streamrec_explain.home import Home
from streamrec_explain.pseudonym import KeyRing, create_key_file, new_key_ring
from streamrec_explain.records import AuditRequest
from tests.audit_log.audit_requests import DAY_MS, START_MS, entry, request

ITEMS, REGIONS = 20, ("US", "EU", "50% a/b")
LATER_DAY = 60  # after START_MS, whose entries are archived and expired while these stay hot
ARCHIVED_ON, EXPIRED_ON = "--now=2026-05-01", "--now=2028-05-01"  # days 120 and 851
PATIENT = {"max_retries": "10", "retry_timeout": "180s", "timeout": "60s"}
ADA_EVERY, OF_WORKER = 50, 1_000_000


class Life(msgspec.Struct, frozen=True):
    """What became of what was acknowledged; counts are entries, `steps` the seconds of each command."""

    races: PutRaces
    kills: int
    acknowledged: int
    missing: int
    doubled: int
    changed: int
    naming_the_erased: int
    expired_left: int
    found: tuple[str, ...]
    verified: bool
    steps: dict[str, float]

    @property
    def sound(self) -> bool:
        """Whether all went as it must."""
        wrong = (self.missing, self.doubled, self.changed, self.naming_the_erased, self.expired_left)
        return self.races.sound and self.verified and not any(wrong) and self.found == ("hot", "cold", "nowhere")


class Traffic(threading.Thread):
    """Requests that come in to a worker's journal; `numbers` are those it acknowledged."""

    def __init__(self, home: Home, worker: int, ring: KeyRing) -> None:
        super().__init__(daemon=True)
        self.numbers: list[int] = []
        self._path, self._ring = home.journal / f"worker-{worker}.sqlite", ring
        self._first, self._ending = worker * OF_WORKER, threading.Event()

    def run(self) -> None:
        """Until told to end."""
        with Journal(self._path, clock=_now_ms) as journal:
            for number in count(self._first):
                if self._ending.is_set():
                    return
                journal.append(numbered(number, self._ring), b"answer")
                self.numbers.append(number)
                time.sleep(0.01)

    def end(self) -> list[int]:
        """Stop after the request under way; what was acknowledged."""
        self._ending.set()
        self.join()
        return self.numbers


class Deployment:
    """A home whose tables lie in the store, and the product's own commands on it."""

    def __init__(self, root: Path, store: AuditStore) -> None:
        self.home, self.ring = Home(root), new_key_ring(START_MS)
        self.steps: dict[str, float] = {}
        root.mkdir()
        self.home.audit_store.touch(mode=0o600)
        self.home.audit_store.write_bytes(msgspec.json.encode(store))
        create_key_file(self.home.keys, self.ring)
        create_signing_key(self.home.signing_key)
        self.log = log_of(self.home)

    def do(self, *words: str) -> Any:
        """Run a command, note its seconds and give its answer."""
        started = time.monotonic()
        done = subprocess.run(self._command(*words, "--json"), capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{' '.join(words)} failed ({done.returncode}): {done.stdout}{done.stderr}")
        self.steps[words[0]] = round(time.monotonic() - started, 2)
        return json.loads(done.stdout)

    def shipper(self) -> subprocess.Popen[str]:
        """A shipper as a process that has told its first round."""
        command = self._command("ship", "--watch", "--every=0.2", f"--with-process={os.getpid()}", "--json")
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        if not process.stdout.readline():
            raise SystemExit(f"the shipper ended at once: {process.wait()}")
        threading.Thread(target=process.stdout.read, daemon=True).start()
        return process

    def _command(self, *words: str) -> list[str]:
        run = "from streamrec_explain.cli.main import main; main()"
        return [sys.executable, "-c", run, "audit-log", *words, f"--home={self.home.root}"]


def live(root: Path, store: AuditStore, *, races: int, kills: int) -> Life:
    """One life in an empty folder of a store."""
    raced = store.races("first", races=races)
    deployment = Deployment(root, store)
    numbers = shipped_under_kills(deployment, kills)
    alive = counted(deployment, numbers)
    deployment.do("compact", "--apply")
    deployment.do("seal")
    deployment.do("archive", "--apply", ARCHIVED_ON)
    found = [tier_of(deployment, next(n for n in numbers if n % 2 == parity and n % ADA_EVERY)) for parity in (1, 0)]
    deployment.do("erase", "ada", "--apply")
    named = naming(store, deployment.ring.pseudonym("ada"))
    others = [n for n in numbers if n % ADA_EVERY]
    after_erasure = counted(deployment, others)
    deployment.do("expire", "--apply", EXPIRED_ON)
    for table in deployment.log.tables():
        apply_vacuum(plan_vacuum(table, keep_hours=0), table)
    at_the_end = counted(deployment, [n for n in others if n % 2])
    return Life(
        races=raced,
        kills=kills,
        acknowledged=ITEMS * len(numbers),
        missing=alive.missing + after_erasure.missing + at_the_end.missing,
        doubled=alive.doubled + after_erasure.doubled + at_the_end.doubled,
        changed=alive.changed + after_erasure.changed + at_the_end.changed,
        naming_the_erased=named + after_erasure.more,
        expired_left=at_the_end.more,
        found=(*found, tier_of(deployment, next(n for n in others if n % 2 == 0))),
        verified=deployment.do("verify")["sound"],
        steps=deployment.steps,
    )


def shipped_under_kills(deployment: Deployment, kills: int) -> list[int]:
    """What two workers acknowledged while one of two rival shippers was killed again and again, all of it shipped."""
    rng = random.Random(kills)
    shippers = [deployment.shipper() for _ in range(2)] if kills else []
    traffic = [Traffic(deployment.home, worker, deployment.ring) for worker in range(2)]
    for each in traffic:
        each.start()
    for _ in range(kills):
        time.sleep(1.5 * rng.random())
        _end(shippers.pop(0))
        shippers.append(deployment.shipper())
    numbers = [number for each in traffic for number in each.end()]
    for shipper in shippers:
        shipper.terminate()
        shipper.wait()
    deployment.do("ship")
    return numbers


class Counted(msgspec.Struct, frozen=True):
    """Entries of both tiers beside those that must be there; `more` must not be there."""

    missing: int
    doubled: int
    changed: int
    more: int


def counted(deployment: Deployment, numbers: list[int]) -> Counted:
    """Compare both tiers with the requests of these numbers."""
    expected = {(request_id(n), place): text_hash(n, place) for n in numbers for place in range(ITEMS)}
    stored: Counter[tuple[str, int]] = Counter()
    changed = 0
    for table in deployment.log.tables():
        for row in table.query("SELECT request_id, position, explanation_text_hash FROM entries").to_pylist():
            key = row["request_id"], row["position"]
            stored[key] += 1
            changed += key in expected and expected[key] != row["explanation_text_hash"]
    return Counted(
        missing=sum(key not in stored for key in expected),
        doubled=sum(number > 1 for number in stored.values()),
        changed=changed,
        more=sum(key not in expected for key in stored),
    )


def tier_of(deployment: Deployment, number: int) -> str:
    """Where a request is found that the journals hold no more."""
    log = AuditLog(deployment.home.root / "no-journal", deployment.log.hot, deployment.log.cold)
    try:
        return log.find_entry(f"{request_id(number)}.0").source
    except EntryNotFoundError:
        return "nowhere"


def naming(store: AuditStore, name: str) -> int:
    """How many objects hold a name as bytes, or as a value of a Parquet file."""
    files = PyFileSystem(DeltaStorageHandler(store.uri, dict(store.options)))
    objects = [info.path for info in files.get_file_info(FileSelector("", recursive=True)) if info.is_file]
    return sum(name.encode() in readable(files, path) for path in objects)


def readable(files: FileSystem, path: str) -> bytes:
    """The bytes of an object, followed by what a Parquet file says: all of a checkpoint, the users of entries."""
    with files.open_input_file(path) as stream:
        found = bytes(stream.read())
        if path.endswith(".parquet"):
            table = pq.read_table(stream, columns=None if "_delta_log/" in path else ["user_id_hash"])
            found += str(table.to_pylist()).encode()
        return found


def numbered(number: int, ring: KeyRing) -> AuditRequest:
    """The request of that number: every second one is of the later day, every fiftieth is ada's."""
    changed: dict[str, object] = {"user_id_hash": ring.pseudonym("ada")} if number % ADA_EVERY == 0 else {}
    return request(
        number,
        request_id=request_id(number),
        timestamp_ms=START_MS + number % 2 * LATER_DAY * DAY_MS + number % OF_WORKER,
        region=REGIONS[number % 3],
        key_id=ring.current.key_id,
        entries=tuple(entry(place, explanation_text_hash=text_hash(number, place)) for place in range(ITEMS)),
        **changed,
    )


def request_id(number: int) -> str:
    """The id of the request of that number."""
    return f"request-{number}"


def text_hash(number: int, place: int) -> str:
    """What stands for the text of an explanation, 16 hexadecimal digits."""
    return f"{number * ITEMS + place:016x}"


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@contextmanager
def fresh_folder(settings: Path) -> Iterator[AuditStore]:
    """A new folder of the store that a file like HOME/audit_store.json names; deleted at the end."""
    named = msgspec.json.decode(settings.read_bytes(), type=AuditStore)
    store = msgspec.structs.replace(named, uri=f"{named.uri.rstrip('/')}/{uuid.uuid4().hex}")
    try:
        yield store
    finally:
        PyFileSystem(DeltaStorageHandler(store.uri, {**store.options, **PATIENT})).delete_dir("")


def main() -> int:
    """Live once and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", type=Path)
    parser.add_argument("--races", type=int, default=60)
    parser.add_argument("--kills", type=int, default=8)
    given = parser.parse_args()
    with fresh_folder(given.store) as store, tempfile.TemporaryDirectory(prefix="store-life-") as name:
        found = live(Path(name) / "home", store, races=given.races, kills=given.kills)
    print(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
    return 0 if found.sound else 1


if __name__ == "__main__":
    sys.exit(main())
