"""The HTTP status of every error of the product."""

import pytest

from serving.errors import failure, status_of
from streamrec_explain import errors


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.RequestError("x", "items"), 422),
        (errors.RequestError("x"), 400),
        (errors.ReleaseNotFoundError("x"), 503),
        (errors.CorruptReleaseError("x", "reranker.txt"), 503),
        (errors.RegistryUnavailableError("x"), 503),
        (errors.JournalFullError("x"), 503),
        (errors.JournalError("x"), 503),
        (errors.CorruptRecordError("x"), 500),
        (errors.EntryNotFoundError("x"), 404),
        (errors.SnapshotNotFoundError("x"), 410),
        (errors.ReplayMismatchError("x"), 409),
        (errors.FeatureError("x"), 500),
        (errors.SettingsError("x"), 500),
    ],
    ids=lambda each: type(each).__name__,
)
def test_status(error: errors.StreamRecError, status: int) -> None:
    """The nearest class decides."""
    assert status == status_of(error)


def test_every_error_has_a_status() -> None:
    """A class that is added to the tree is answered as something."""

    def below(kind: type[errors.StreamRecError]) -> list[type[errors.StreamRecError]]:
        return [kind, *(deeper for child in kind.__subclasses__() for deeper in below(child))]

    assert all(400 <= status_of(kind("x")) <= 503 for kind in below(errors.StreamRecError))


def test_passing_failure_says_when_to_ask_again() -> None:
    """Only 503 has Retry-After; a failure without a field has none in its body."""
    busy, wrong = failure(503, "E", "m"), failure(422, "E", "m", "f")
    assert ("1", None) == (busy.headers.get("Retry-After"), wrong.headers.get("Retry-After"))
    assert (b'{"error":"E","message":"m"}', b'{"error":"E","message":"m","field":"f"}') == (busy.body, wrong.body)
