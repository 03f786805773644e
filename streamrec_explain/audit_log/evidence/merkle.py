"""Merkle trees as in RFC 6962 (Certificate Transparency), section 2.1: roots, inclusion and consistency proofs.

A leaf's hash is SHA-256(0x00 || data), a node's SHA-256(0x01 || left || right), so that neither passes for the
other. The left subtree of n leaves holds the largest power of two below n; built level by level that is: pair
neighbours, and lift the last one without a neighbour as it is.
"""

from collections.abc import Sequence
from hashlib import sha256

HASH_BYTES = 32
EMPTY_ROOT = sha256().digest()


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf that holds `data`."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node over the hashes of its two subtrees."""
    return sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes in order; of no leaves SHA-256 of nothing."""
    return levels(leaves)[-1][0] if leaves else EMPTY_ROOT


def levels(leaves: Sequence[bytes]) -> list[list[bytes]]:
    """The hashes of every level, leaves first, the root alone last; at least one leaf."""
    tree = [list(leaves)]
    while len(tree[-1]) > 1:
        below = tree[-1]
        above = [sha256(b"\x01" + left + right).digest() for left, right in zip(below[::2], below[1::2], strict=False)]
        tree.append([*above, below[-1]] if len(below) % 2 else above)
    return tree


def inclusion_path(tree: Sequence[Sequence[bytes]], index: int) -> list[bytes]:
    """The hashes beside the way from a leaf up to the root of `levels` (RFC 6962, 2.1.1), lowest first."""
    path = []
    for level in tree[:-1]:
        beside = index ^ 1
        if beside < len(level):
            path.append(level[beside])
        index //= 2
    return path


def root_of_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """The root that a leaf and its inclusion path give (RFC 9162, 2.1.3.2); None if the path cannot be one."""
    if not 0 <= index < size:
        return None
    found, last = leaf, size - 1
    for beside in path:
        if last == 0:
            return None
        if index % 2 or index == last:
            found = node_hash(beside, found)
            while not index % 2 and index:
                index, last = index // 2, last // 2
        else:
            found = node_hash(found, beside)
        index, last = index // 2, last // 2
    return found if last == 0 else None


def consistency_path(leaves: Sequence[bytes], size: int) -> list[bytes]:
    """The hashes that show the tree of the first `size` leaves inside the whole one (RFC 6962, 2.1.2)."""
    return _subproof(size, leaves, True) if 0 < size < len(leaves) else []


def _subproof(size: int, leaves: Sequence[bytes], complete: bool) -> list[bytes]:
    if size == len(leaves):
        return [] if complete else [root(leaves)]
    split = _split(len(leaves))
    if size <= split:
        return [*_subproof(size, leaves[:split], complete), root(leaves[split:])]
    return [*_subproof(size - split, leaves[split:], False), root(leaves[:split])]


def is_consistent(old_size: int, old_root: bytes, size: int, new_root: bytes, path: Sequence[bytes]) -> bool:
    """Whether the path shows that the new tree extends the old one (RFC 9162, 2.1.4.2)."""
    if old_size == size:
        return old_root == new_root and not path
    if not 0 < old_size < size or not path:
        return old_size == 0 and not path
    hashes = list(path) if old_size & (old_size - 1) else [old_root, *path]
    index, last = old_size - 1, size - 1
    while index % 2:
        index, last = index // 2, last // 2
    old = new = hashes[0]
    for beside in hashes[1:]:
        if last == 0:
            return False
        if index % 2 or index == last:
            old, new = node_hash(beside, old), node_hash(beside, new)
            while not index % 2 and index:
                index, last = index // 2, last // 2
        else:
            new = node_hash(new, beside)
        index, last = index // 2, last // 2
    return (old, new, last) == (old_root, new_root, 0)


def _split(leaves: int) -> int:
    """The largest power of two below a number of leaves."""
    return 1 << (leaves - 1).bit_length() - 1
