"""One person's data in a home folder: everything that is held about them, erased or exported as one."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from streamrec_explain.audit_log.custody.erasure import (
    ErasurePlan,
    Person,
    apply_erasure,
    export_person,
    reinstate_kept,
)
from streamrec_explain.audit_log.custody.holds import Holds, removing
from streamrec_explain.audit_log.evidence.ledger_records import HoldPlaced, HoldReleased
from streamrec_explain.audit_log.evidence.sealed_tree import Act, Seals
from streamrec_explain.audit_log.questions.lookup import AuditLog, FoundRequest
from streamrec_explain.errors import HoldError
from streamrec_explain.explanation.audit_inputs import history_of, user_features_of
from streamrec_explain.features.snapshot_files import latest
from streamrec_explain.features.snapshots import UserSnapshot, write_snapshot
from streamrec_explain.features.spec import FeatureSpec
from streamrec_explain.home import Home
from streamrec_explain.pseudonym import KeyRing
from streamrec_explain.records import Claim, HistoryEvent, explanation_id
from streamrec_explain.training_copy import erase_from_copy, rows_of_user


class FeatureOfPerson(msgspec.Struct, frozen=True):
    """A feature's value (None: missing), its name and what it means in words."""

    name: str
    meaning: str
    value: float | None


class SnapshotOfPerson(msgspec.Struct, frozen=True):
    """What one snapshot file holds about the person."""

    file: str
    as_of_ms: int
    features: tuple[FeatureOfPerson, ...]


class EntryOfPerson(msgspec.Struct, frozen=True):
    """One explanation that the person was given."""

    explanation_id: str
    item_id: str
    explanation_type: str
    explanation_text_hash: str
    template: str
    claims: tuple[Claim, ...]
    shap_top_3: tuple[tuple[str, float], ...]
    attention_top_2: tuple[tuple[str, float], ...]
    flags: tuple[str, ...]


class RequestOfPerson(msgspec.Struct, frozen=True):
    """One list that the person was shown, and what of them went into it."""

    request_id: str
    timestamp_ms: int
    found_in: str
    region: str
    locale: str
    model_version: str
    user_id_hash: str
    history: tuple[HistoryEvent, ...]
    features: tuple[FeatureOfPerson, ...]
    entries: tuple[EntryOfPerson, ...]


class PersonalData(msgspec.Struct, frozen=True):
    """Everything that a home folder holds about one person."""

    user_id: str
    pseudonyms: dict[str, str]
    requests: tuple[RequestOfPerson, ...]
    snapshots: tuple[SnapshotOfPerson, ...]
    holds: tuple[HoldPlaced | HoldReleased, ...]
    events: dict[str, list[dict[str, Any]]]


def person_of(user_id: str, keys: KeyRing) -> Person:
    """The person of a user id, under every key."""
    return Person(tuple(keys.pseudonyms(user_id).values()), tuple(keys.subjects(user_id).values()))


def personal_data(
    user_id: str, keys: KeyRing, log: AuditLog, home: Home, holds: Holds, spec: FeatureSpec
) -> PersonalData:
    """Collect everything about a user: journals, tables, user snapshots, holds on them, events of the last training."""
    person, meanings = person_of(user_id, keys), _meanings(spec)
    return PersonalData(
        user_id=user_id,
        pseudonyms=keys.pseudonyms(user_id),
        requests=tuple(_request(found, meanings) for found in export_person(log, person)),
        snapshots=tuple(_snapshot(path, user_id, meanings) for path in snapshots_naming(home.users, user_id)),
        holds=tuple(_holds_on(person, holds)),
        events={name: table.to_pylist() for name, table in rows_of_user(home.values, user_id).items()},
    )


def erase_person(user_id: str, plan: ErasurePlan, log: AuditLog, home: Home, *, seals: Seals, act: Act) -> int:
    """Erase a user from the audit log and, unless a hold names them, snapshots and training copy; the places they left.

    HoldError, and nothing is removed, if everything that there is is held or a hold was placed since the plan.
    """
    if plan.kept and not plan.entries:
        reinstate_kept(plan, log, seals=seals, act=act)
        names = ", ".join(hold.hold_id for hold in plan.holds)
        raise HoldError(f"all {plan.kept} entries of the person are under a legal hold ({names}): nothing was erased")
    places = apply_erasure(plan, log, seals=seals, act=act)
    if any(set(hold.pseudonyms or ()) & set(plan.person.pseudonyms) for hold in plan.holds):
        return places
    with removing(seals.ledger, plan.holds):
        return places + erase_from_snapshots(home.users, user_id) + (erase_from_copy(home.values, user_id) > 0)


def snapshots_naming(folder: Path, user_id: str) -> list[Path]:
    """The snapshot files that hold features of the user."""
    files = sorted(folder.glob("*.arrow"))
    return [path for path in files if UserSnapshot.load(path).lookup(user_id) is not None]


def erase_from_snapshots(folder: Path, user_id: str) -> int:
    """Rewrite the latest user snapshot without the user and delete the others that hold them; how many held them.

    Killed in between, the next run deletes what is left.
    """
    naming = snapshots_naming(folder, user_id)
    if not naming:
        return 0
    current = folder / latest(folder).file
    if current in naming:
        write_snapshot(folder, UserSnapshot.load(current).erase(user_id))
    for path in naming:
        path.unlink(missing_ok=True)
    return len(naming)


def _request(found: FoundRequest, meanings: dict[str, str]) -> RequestOfPerson:
    request = found.request
    names = EntryOfPerson.__struct_fields__[1:]
    entries = tuple(
        EntryOfPerson(explanation_id(request.request_id, each.position), *(getattr(each, name) for name in names))
        for each in request.entries
    )
    return RequestOfPerson(
        request_id=request.request_id,
        timestamp_ms=request.timestamp_ms,
        found_in=found.source,
        region=request.region,
        locale=request.locale,
        model_version=request.model_version,
        user_id_hash=request.user_id_hash,
        history=history_of(request),
        features=_features(user_features_of(request), meanings),
        entries=entries,
    )


def _snapshot(path: Path, user_id: str, meanings: dict[str, str]) -> SnapshotOfPerson:
    snapshot = UserSnapshot.load(path)
    values = snapshot.lookup(user_id)
    known = {} if values is None else dict(zip(snapshot.names, values.tolist(), strict=True))
    return SnapshotOfPerson(path.name, snapshot.as_of_ms, _features(known, meanings))


def _features(values: dict[str, float], meanings: dict[str, str]) -> tuple[FeatureOfPerson, ...]:
    return tuple(
        FeatureOfPerson(name, meanings.get(name, ""), None if math.isnan(value) else value)
        for name, value in values.items()
    )


def _meanings(spec: FeatureSpec) -> dict[str, str]:
    return {feature.name: feature.display["en"] for feature in spec.features}


def _holds_on(person: Person, holds: Holds) -> Iterator[HoldPlaced | HoldReleased]:
    named: set[str] = set()
    for each in holds.history():
        if isinstance(each, HoldPlaced) and set(each.subjects or ()) & set(person.subjects):
            named.add(each.hold_id)
        if each.hold_id in named:
            yield each
