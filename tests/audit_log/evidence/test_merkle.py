"""Merkle trees against the recursive definition of RFC 6962, its published vectors, and forged proofs."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamrec_explain.audit_log.evidence.merkle import (
    EMPTY_ROOT,
    consistency_path,
    inclusion_path,
    is_consistent,
    leaf_hash,
    levels,
    root,
    root_of_path,
)

SIZES = st.integers(1, 70)


def _leaves(size: int) -> list[bytes]:
    return [leaf_hash(b"%d" % number) for number in range(size)]


def _defined_root(data: list[bytes]) -> bytes:
    """MTH(D[n]) word for word as in RFC 6962, section 2.1."""
    if not data:
        return sha256(b"").digest()
    if len(data) == 1:
        return sha256(b"\x00" + data[0]).digest()
    split = 1
    while split * 2 < len(data):
        split *= 2
    return sha256(b"\x01" + _defined_root(data[:split]) + _defined_root(data[split:])).digest()


def test_published_vectors() -> None:
    """The roots of the reference implementation of Certificate Transparency."""
    data = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    leaves = [leaf_hash(bytes.fromhex(text)) for text in data]
    assert "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" == EMPTY_ROOT.hex() == root([]).hex()
    assert "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d" == root(leaves[:1]).hex()
    assert "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328" == root(leaves).hex()


@given(SIZES)
def test_root_is_the_defined_one(size: int) -> None:
    """Level by level gives what the recursion gives."""
    assert _defined_root([b"%d" % number for number in range(size)]) == root(_leaves(size))


@given(SIZES, st.data())
def test_inclusion_holds_for_its_own_place_only(size: int, data: st.DataObject) -> None:
    """A path proves its leaf at its index, and no other leaf, index or size."""
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(0, size - 1).filter(lambda place: place != index) if size > 1 else st.just(-1))
    leaves = _leaves(size)
    path = inclusion_path(levels(leaves), index)
    assert root(leaves) == root_of_path(leaves[index], index, size, path)
    assert root(leaves) != root_of_path(leaves[index], other, size, path)
    assert root(leaves) != root_of_path(leaf_hash(b"forged"), index, size, path)
    assert None is root_of_path(leaves[index], index, size, [*path, b"\0" * 32])
    if path:
        assert root(leaves) != root_of_path(leaves[index], index, size, path[:-1])


@given(SIZES, st.data())
def test_consistency_holds_for_extensions_only(size: int, data: st.DataObject) -> None:
    """An older tree is shown inside the newer one; one with a changed leaf is not."""
    old_size = data.draw(st.integers(1, size))
    leaves = _leaves(size)
    path = consistency_path(leaves, old_size)
    assert is_consistent(old_size, root(leaves[:old_size]), size, root(leaves), path)
    changed = data.draw(st.integers(0, old_size - 1))
    rewritten = [*leaves[:changed], leaf_hash(b"forged"), *leaves[changed + 1 :]]
    assert not is_consistent(old_size, root(rewritten[:old_size]), size, root(leaves), path)
    assert not is_consistent(old_size, root(leaves[:old_size]), size, root(rewritten), path)
    forged = consistency_path(rewritten, old_size)
    assert not is_consistent(old_size, root(leaves[:old_size]), size, root(rewritten), forged)


@pytest.mark.parametrize("path", [[], [b"\0" * 32], [b"\0" * 32] * 9])
def test_a_wrong_consistency_path_is_refused(path: list[bytes]) -> None:
    """Too short, wrong and too long."""
    leaves = _leaves(7)
    assert not is_consistent(3, root(leaves[:3]), 7, root(leaves), path)
