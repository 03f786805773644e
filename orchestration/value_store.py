"""Where asset values lie between steps: one folder per asset, in the value's own file format, never a pickle."""

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from streamrec_explain.errors import ConformanceError


@dataclass(frozen=True)
class Codec:
    """How one type of value becomes files in a folder and back."""

    value_type: type
    save: Callable[[Any, Path], None]
    load: Callable[[Path], Any]


class ValueStore:
    """Asset values as files under `root`, replaced as a whole so that a reader never sees half of one."""

    def __init__(self, root: Path, codecs: tuple[Codec, ...]) -> None:
        self._root = root
        self._codecs: Mapping[str, Codec] = {codec.value_type.__name__: codec for codec in codecs}

    def write(self, name: str, value: Any) -> Path:
        """Store `value` under `name`; TypeError if no codec knows its type."""
        codec = self._codec(type(value).__name__, name)
        self._root.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=self._root))
        codec.save(value, staging)
        (staging / "type.json").write_text(json.dumps(codec.value_type.__name__), encoding="utf-8")
        return self._replace(staging, self._root / name)

    def read(self, name: str) -> Any:
        """The value last stored under `name`; ConformanceError if there is none."""
        folder = self._root / name
        if not (folder / "type.json").exists():
            raise ConformanceError(f"no value of the asset {name!r} is stored; materialize it first")
        kind = json.loads((folder / "type.json").read_text(encoding="utf-8"))
        return self._codec(kind, name).load(folder)

    def _codec(self, kind: str, name: str) -> Codec:
        if kind not in self._codecs:
            raise TypeError(f"asset {name!r}: no codec for values of type {kind}; known: {sorted(self._codecs)}")
        return self._codecs[kind]

    @staticmethod
    def _replace(staging: Path, target: Path) -> Path:
        old = staging.with_name(staging.name + "-old")
        if target.exists():
            target.rename(old)
        staging.rename(target)
        shutil.rmtree(old, ignore_errors=True)
        return target


class FileIOManager(dg.IOManager):
    """Dagster's view of a `ValueStore`; the default one would pickle."""

    def __init__(self, store: ValueStore) -> None:
        self._store = store

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Store an asset's value."""
        if obj is not None:
            self._store.write(context.asset_key.to_python_identifier(), obj)

    def load_input(self, context: dg.InputContext) -> Any:
        """Load the value of an upstream asset."""
        return self._store.read(context.asset_key.to_python_identifier())
