"""The manifest: canonical bytes, strict reading."""

import json

import pytest

from streamrec_explain.errors import CorruptReleaseError
from streamrec_explain.release.manifest import Manifest
from tests.release.small_releases import PINS, WORLD


def manifest(files: dict[str, str]) -> Manifest:
    """A manifest of the given files."""
    return Manifest(created_ms=1, world=WORLD, pins=PINS, files=files)


def test_manifest_survives_its_json() -> None:
    """Reading what was written gives the same manifest."""
    written = manifest({"a": "1" * 64})
    assert written == Manifest.from_json(written.to_json())


def test_digest_does_not_depend_on_the_order_of_files() -> None:
    """Equal manifests have equal bytes whatever order their files were written in."""
    assert manifest({"a": "1", "b": "2"}).digest() == manifest({"b": "2", "a": "1"}).digest()


@pytest.mark.parametrize("change", [{"schema_version": 99}, {"unknown": 1}, {"files": 3}])
def test_unknown_manifest_is_refused(change: dict[str, object]) -> None:
    """Another schema version, an unknown field or a wrong type is refused by the manifest's name."""
    changed = json.dumps(json.loads(manifest({}).to_json()) | change).encode()
    with pytest.raises(CorruptReleaseError) as refused:
        Manifest.from_json(changed)
    assert "release.json" == refused.value.file
