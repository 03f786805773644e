"""`streamrec keys`: the keys of user pseudonyms, and the key that signs the audit ledger."""

from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from streamrec_explain.audit_log.custody.key_use import entries_by_key, without_key
from streamrec_explain.audit_log.evidence.signing import rotate_signing_key
from streamrec_explain.audit_log.home_log import log_of
from streamrec_explain.cli.custody import key_ring, keys_option, signing_key_option
from streamrec_explain.cli.launching import check_home
from streamrec_explain.cli.options import home_option, now_ms
from streamrec_explain.cli.output import Output, with_output
from streamrec_explain.home import Home
from streamrec_explain.pseudonym import replace_key_file


class ListedKey(msgspec.Struct, frozen=True):
    """A key without its secret; `entries` live under it in journals and tables."""

    key_id: str
    created_ms: int
    region: str
    current: bool
    entries: int


@click.group()
def keys() -> None:
    """Keys of user pseudonyms: a user is found under all of them, new entries are made with the newest."""


@keys.command(name="list")
@home_option
@keys_option
@with_output
def list_keys(home: Path, keys: Path | None, output: Output) -> None:
    """Show every key, and how many entries live under it; no secret is shown.

    Exit codes: 0 done, 2 bad input.
    """
    ring, counts = key_ring(home, keys), entries_by_key(log_of(Home(home)))
    found = [
        ListedKey(key.key_id, key.created_ms, key.region, ring.is_current(key), counts[key.key_id]) for key in ring.keys
    ]
    lines = [
        f"{each.key_id}  since {datetime.fromtimestamp(each.created_ms / 1000, UTC).isoformat(timespec='seconds')}  "
        f"{each.region or 'every region'}{', current' if each.current else ''}: {each.entries} entries"
        for each in found
    ]
    output.show("\n".join(lines), msgspec.to_builtins(found))


@keys.command()
@home_option
@keys_option
@click.option("--region", default="", help="A key for this market alone; without it for every other one.")
@with_output
def rotate(home: Path, keys: Path | None, region: str, output: Output) -> None:
    """Add a key that new entries are made with; running services take it up by themselves, and older keys stay.

    Back the ring up at once: without a key, entries under it belong to nobody. Exit codes: 0 done, 2 bad input.
    """
    ring = key_ring(home, keys).rotated(now_ms(), region=region)
    replace_key_file(keys or Home(home).keys, ring)
    current = ring.keys[-1].key_id
    output.show(f"{current} is current; running services use it with their next answer", {"current": current})


@keys.command()
@click.argument("key_id")
@home_option
@keys_option
@with_output
def forget(key_id: str, home: Path, keys: Path | None, output: Output) -> None:
    """Remove an old key for good, once no entry lives under it and it has been replaced for a minute.

    Exit codes: 0 done, 1 entries live or may still be made under it, 2 bad input.
    """
    ring = without_key(key_ring(home, keys), key_id, log_of(Home(home)), now_ms())
    replace_key_file(keys or Home(home).keys, ring)
    output.show(f"{key_id} is forgotten", {"forgotten": key_id})


@keys.command(name="rotate-signing")
@home_option
@signing_key_option
@with_output
def rotate_signing(home: Path, signing_key: Path | None, output: Output) -> None:
    """Sign the audit ledger with a fresh key from now on; hand its public file out again (older keys stay in it).

    Exit codes: 0 done, 2 bad input.
    """
    signer = rotate_signing_key(signing_key or Home(check_home(home)).signing_key)
    output.show(f"{signer.key_id} signs from now on", {"current": signer.key_id})
