"""The bundle on disk: written whole, refused by file name if anything in it changed."""

from pathlib import Path

import pytest

from streamrec_explain.errors import CorruptReleaseError, ReleaseError
from streamrec_explain.release.bundle import read_manifest, verify_bundle
from tests.release.small_releases import write_small_bundle

FILES = ("explainer/arrays.bin", "gates.json", "model.txt")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sound bundle."""
    write_small_bundle(tmp_path / "bundle")
    return tmp_path / "bundle"


def refused_file(folder: Path, digest: str | None = None) -> str:
    """The file that verification names."""
    with pytest.raises(CorruptReleaseError) as refused:
        verify_bundle(folder, digest)
    assert refused.value.file in str(refused.value)
    return refused.value.file


def test_sound_bundle_is_verified(tmp_path: Path) -> None:
    """A fresh bundle passes against its digest, whole or its first eight characters."""
    digest = write_small_bundle(tmp_path / "bundle")
    assert digest == verify_bundle(tmp_path / "bundle", digest).digest()
    assert FILES == tuple(verify_bundle(tmp_path / "bundle", digest[:8]).files)


def test_same_contents_have_the_same_digest(tmp_path: Path) -> None:
    """The digest is a function of the contents, not of place or time."""
    assert write_small_bundle(tmp_path / "a") == write_small_bundle(tmp_path / "b")
    assert write_small_bundle(tmp_path / "c", "second") != write_small_bundle(tmp_path / "d")


@pytest.mark.parametrize("name", FILES)
def test_overwritten_file_is_named(folder: Path, name: str) -> None:
    """One flipped bit in any file is found, and the file named."""
    data = bytearray((folder / name).read_bytes())
    data[0] ^= 1
    (folder / name).write_bytes(data)
    assert name == refused_file(folder)


@pytest.mark.parametrize("name", [*FILES, "release.json"])
def test_missing_file_is_named(folder: Path, name: str) -> None:
    """A deleted file is named."""
    (folder / name).unlink()
    assert name == refused_file(folder)


def test_extra_file_is_named(folder: Path) -> None:
    """A file that the manifest does not list is not loaded by accident."""
    (folder / "explainer" / "more.npz").write_bytes(b"")
    assert "explainer/more.npz" == refused_file(folder)


def test_link_to_an_equal_file_outside_is_refused(folder: Path, tmp_path: Path) -> None:
    """A link is not a file of the release: a folder reached by it is an extra one."""
    (tmp_path / "elsewhere").mkdir()
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    assert "linked" == refused_file(folder)


def test_another_manifest_is_refused(folder: Path, tmp_path: Path) -> None:
    """A bundle that is sound in itself but not the expected one is refused by its manifest."""
    other = write_small_bundle(tmp_path / "other", "second")
    assert "release.json" == refused_file(folder, other)


@pytest.mark.parametrize("digest", ["", "abc"])
def test_release_without_a_recorded_digest_is_refused(folder: Path, digest: str) -> None:
    """An empty or cut digest proves nothing."""
    assert "release.json" == refused_file(folder, digest)


def test_bundle_is_never_overwritten(folder: Path) -> None:
    """Writing into an existing folder is refused and changes nothing."""
    before = read_manifest(folder)
    with pytest.raises(ReleaseError, match="never overwritten"):
        write_small_bundle(folder, "second")
    assert before == verify_bundle(folder)


def test_failed_writing_leaves_nothing(tmp_path: Path) -> None:
    """A writer that fails leaves neither a bundle nor its staging folder."""

    def fails(path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_small_bundle(tmp_path / "bundle", more={"big.bin": fails})
    assert [] == list(tmp_path.iterdir())
