"""What commands share that guard the audit log: options for its keys, the record of who asks and who acts."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from streamrec_explain.audit_log.custody.access_log import Access, AccessLog
from streamrec_explain.audit_log.evidence.sealed_tree import Act
from streamrec_explain.cli.launching import check_home
from streamrec_explain.cli.options import now_ms, user_name
from streamrec_explain.errors import InvalidInputError
from streamrec_explain.home import Home
from streamrec_explain.pseudonym import KeyRing, load_key_file

keys_option = click.option(
    "--keys", type=click.Path(path_type=Path), envvar="STREAMREC_KEYS", help="Key ring; without it the home's own."
)
signing_key_option = click.option(
    "--signing-key",
    type=click.Path(path_type=Path),
    envvar="STREAMREC_SIGNING_KEY",
    help="Key that signs the audit ledger; without it the home's own, made at its first use.",
)
reason_option = click.option("--reason", required=True, help="Why, for the ledger; name no person here.")


def act(why: str) -> Act:
    """What the person at this command does now."""
    return Act(user_name(), now_ms(), why)


def reason_without(user_id: str, reason: str) -> str:
    """The reason; InvalidInputError if it names the user, for the ledger never forgets."""
    if user_id in reason:
        raise InvalidInputError("the reason names the user: the ledger keeps it for ever; leave the name out")
    return reason


def key_ring(home: Path, keys: Path | None) -> KeyRing:
    """The key ring that is named, or the home's."""
    return load_key_file(keys or Home(check_home(home)).keys)


def record_access(home: Path, what: str, asked: Mapping[str, str | int | None], subjects: Sequence[str] = ()) -> None:
    """Record a question durably before it is answered; what is None was not asked for."""
    given = {name: value for name, value in asked.items() if value is not None}
    access = Access(at_ms=now_ms(), who=user_name(), via="command", what=what, asked=given, subjects=tuple(subjects))
    AccessLog(Home(check_home(home)).accesses).record(access)
