"""The exception tree: the one people read is the one that is raised."""

import inspect
import re

import pytest

from streamrec_explain import errors
from streamrec_explain.errors import CorruptReleaseError, EventDataError, Problem, RequestError, StreamRecError

LINE = re.compile(r"^(?P<indent>[│├└─ ]*)(?P<name>\w+Error)(?: +(?P<meaning>.+))?$")


def documented() -> dict[str, str]:
    """Each class of the module docstring's tree with its parent."""
    parents: dict[str, str] = {}
    branch: list[str] = []
    for line in filter(None, map(LINE.match, (errors.__doc__ or "").splitlines())):
        depth = len(line["indent"]) // 4
        branch[depth:] = [line["name"]]
        parents[line["name"]] = branch[depth - 1] if depth else "Exception"
    return parents


def defined() -> dict[str, str]:
    """Each exception class of the module with its parent."""
    classes = inspect.getmembers(errors, lambda each: inspect.isclass(each) and issubclass(each, Exception))
    return {name: found.__bases__[0].__name__ for name, found in classes}


def test_the_documented_tree_is_the_classes() -> None:
    """Every class stands in the tree, under its parent, and nothing else does."""
    assert defined() == documented()
    assert "Exception" == documented()["StreamRecError"]


def test_every_error_has_one_parent_and_says_what_it_means() -> None:
    """No class inherits its docstring."""
    for name in defined():
        found = getattr(errors, name)
        assert 1 == len(found.__bases__)
        assert found.__doc__ not in {None, found.__bases__[0].__doc__}


@pytest.mark.parametrize("name", sorted(defined()))
def test_every_error_can_be_raised_with_a_message_and_caught_at_the_root(name: str) -> None:
    """The message is the text of the error."""
    with pytest.raises(StreamRecError, match=r"^what, where, what to do$"):
        raise getattr(errors, name)("what, where, what to do")


def test_errors_carry_the_place() -> None:
    """The field of a request, the file of a release, the problems of an event file and how many there are."""
    problem = Problem("events.csv", 3, "user_id", "missing", "no user")
    assert "items[1].position" == RequestError("wrong", "items[1].position").field
    assert "reranker.txt" == CorruptReleaseError("changed", "reranker.txt").file
    assert ((problem,), 1) == (EventDataError("bad", [problem]).problems, EventDataError("bad", [problem]).count)
    assert 70 == EventDataError("bad", [problem], 70).count
    assert 0 == EventDataError("bad").count
