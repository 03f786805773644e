"""Where the events of a home came from, and whether a person is still named there.

Training records the folder it reads: with the copy of the events that it keeps in the home, and as a data set of its
MLflow runs. These folders belong to others, so they are only looked into (`training_copy` erases from the copy).
"""

from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

from streamrec_explain.errors import EventDataError
from streamrec_explain.events.erasure import plan_event_erasure
from streamrec_explain.events.world_store import saved_source
from streamrec_explain.home import Home
from streamrec_explain.release.registry_reader import SqliteReader

_SYNTHETIC = "synthetic"


class SourceOfPerson(msgspec.Struct, frozen=True):
    """What a folder of events holds of a person: `rows` in `files`, `torn` lines that may be theirs, what to do.

    `problem` says why it could not be looked into, `unread` which of its files could not.
    """

    uri: str
    rows: int = 0
    torn: int = 0
    files: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    problem: str = ""

    @property
    def advice(self) -> tuple[str, ...]:
        """What to do there, a line each; nothing where nobody is named."""
        lines = []
        if self.problem:
            lines.append(f"{self.uri} cannot be looked into: {self.problem}; erase them there, or name it with --data")
        if self.rows:
            named = f"{self.uri} holds {self.rows} rows of the person ({', '.join(self.files)})"
            lines.append(f"{named}: streamrec events erase USER --data {self.uri} --apply, then train again")
        if self.torn:
            lines.append(f"{self.uri} holds {self.torn} torn lines with the id: repair or remove them by hand")
        if self.unread:
            lines.append(f"{self.uri} holds files of unknown kinds, not looked into: {', '.join(self.unread)}")
        return tuple(lines)


def recorded_sources(home: Home) -> tuple[str, ...]:
    """Every folder or URI that training into this home ever read, the last one first; synthetic worlds have none."""
    last = saved_source(home.values / "events")
    registry = home.root / "mlflow.db"
    read = SqliteReader(registry).sources() if registry.exists() else ()
    return tuple(each for each in dict.fromkeys([last, *read]) if each and not each.startswith(_SYNTHETIC))


def sources_of_person(uris: Iterable[str], user_id: str) -> tuple[SourceOfPerson, ...]:
    """What each folder holds of a user; nothing is changed."""
    return tuple(_source(uri, user_id) for uri in dict.fromkeys(uris))


def _source(uri: str, user_id: str) -> SourceOfPerson:
    parts = urlsplit(uri)
    if parts.scheme not in ("", "file"):
        return SourceOfPerson(uri, problem="it is no folder of this machine")
    try:
        found = plan_event_erasure(Path(unquote(parts.path)), user_id)
    except (EventDataError, OSError) as error:
        return SourceOfPerson(uri, problem=str(error))
    files = tuple(str(each.path.relative_to(found.folder)) for each in found.files)
    return SourceOfPerson(uri, found.rows, found.torn, files, found.unread)
