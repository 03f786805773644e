"""A process to be killed: seals a home and erases ada there or expires a day, or places holds; it says when it begins.

Usage: python custody_worker.py HOME erase|expire|hold
"""

import random
import sys
import time
from pathlib import Path

import msgspec

from streamrec_explain.audit_log.custody.erasure import apply_erasure, plan_erasure
from streamrec_explain.audit_log.custody.holds import HoldScope
from streamrec_explain.audit_log.evidence.sealed_tree import Act
from streamrec_explain.audit_log.evidence.sealing import seal
from streamrec_explain.audit_log.home_log import active_holds, holds_of, log_of, seals_of
from streamrec_explain.audit_log.maintenance.expiry import apply_expiry, plan_expiry
from streamrec_explain.audit_log.maintenance.retention import RetentionPolicy
from streamrec_explain.errors import HoldError
from streamrec_explain.home import Home
from streamrec_explain.personal_data import person_of
from streamrec_explain.pseudonym import load_key_file
from tests.audit_log.audit_requests import DAY_MS, START_MS

ACT = Act("tester", 1, "test")
EXPIRED_MS = START_MS + 820 * DAY_MS
HELD = tuple(f"request-{number}" for number in range(0, 40, 3))  # all of them ada's
LONGEST_PAUSE_S = 0.4


def main(root: str, job: str) -> None:
    """Do the job once; a removal is planned again whenever a hold was placed since."""
    home = Home(Path(root))
    if job == "hold":
        _place_holds(home)
        return
    print("begun", flush=True)
    seal(log_of(home).tables(), seals_of(home), now_ms=1)
    while True:
        try:
            _erase(home) if job == "erase" else _expire(home)
            return
        except HoldError:
            continue


def _erase(home: Home) -> None:
    log, person = log_of(home), person_of("ada", load_key_file(home.keys))
    apply_erasure(plan_erasure(log, person, active_holds(home)), log, seals=seals_of(home), act=ACT)


def _expire(home: Home) -> None:
    log, holds = log_of(home), active_holds(home)
    plan = plan_expiry(*log.tables(), policy=RetentionPolicy(), now_ms=EXPIRED_MS, holds=holds)
    apply_expiry(plan, *log.tables(), seals=seals_of(home), act=ACT, holds=holds)


def _place_holds(home: Home) -> None:
    """Hold one request after the other; print those that were still there once their hold stood."""
    log, holds, signer = log_of(home), holds_of(home), seals_of(home).signer
    print("begun", flush=True)
    found = []
    for name in HELD:
        time.sleep(random.uniform(0, LONGEST_PAUSE_S))
        holds.place(HoldScope(request_id=name), keys=None, signer=signer, act=ACT)
        if any(table.find_request(name) for table in log.tables()):
            found.append(name)
    print(msgspec.json.encode(found).decode(), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
