"""A process to be killed: seals a home, erases ada there or expires a day, and says when it begins.

Usage: python custody_worker.py HOME erase|expire
"""

import sys
from pathlib import Path

from streamrec_explain.audit_log.custody.erasure import apply_erasure, plan_erasure
from streamrec_explain.audit_log.evidence.sealed_tree import Act
from streamrec_explain.audit_log.evidence.sealing import seal
from streamrec_explain.audit_log.home_log import active_holds, log_of, seals_of
from streamrec_explain.audit_log.maintenance.expiry import apply_expiry, plan_expiry
from streamrec_explain.audit_log.maintenance.retention import RetentionPolicy
from streamrec_explain.home import Home
from streamrec_explain.personal_data import person_of
from streamrec_explain.pseudonym import load_key_file
from tests.audit_log.audit_requests import DAY_MS, START_MS

ACT = Act("tester", 1, "test")
EXPIRED_MS = START_MS + 820 * DAY_MS


def main(root: str, job: str) -> None:
    """Do the job once."""
    home = Home(Path(root))
    log, seals, holds = log_of(home), seals_of(home), active_holds(home)
    print("begun", flush=True)
    seal(log.tables(), seals, now_ms=1)
    if job == "erase":
        person = person_of("ada", load_key_file(home.keys))
        apply_erasure(plan_erasure(log, person, holds), log, seals=seals, act=ACT)
    else:
        plan = plan_expiry(*log.tables(), policy=RetentionPolicy(), now_ms=EXPIRED_MS, holds=holds)
        apply_expiry(plan, *log.tables(), seals=seals, act=ACT, holds=holds)


if __name__ == "__main__":
    main(*sys.argv[1:])
