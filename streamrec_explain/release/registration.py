"""What is handed to the model registry and what it hands back, in words of our own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

CHAMPION = "champion"
PREVIOUS = "previous"
DIGEST_TAG = "content.digest"


@dataclass(frozen=True)
class RunKey:
    """What a run belongs to: a retry of the same step and partition under the same root finds the same run.

    `root` is the first orchestrator run of a chain of retries.
    """

    root: str
    step: str
    partition: str = ""

    @property
    def name(self) -> str:
        """The run's name for people."""
        return " ".join(filter(None, (self.step, self.partition)))

    @property
    def tags(self) -> dict[str, str]:
        """The key as run tags."""
        key = {"root": self.root, "step": self.step, "partition": self.partition}
        return {f"streamrec.{part}": value for part, value in key.items()}


@dataclass(frozen=True)
class DataInput:
    """A data set a run read: name, SHA-256, URI it came from, what it was used for, how many rows."""

    name: str
    digest: str
    source: str
    context: str
    rows: int


@dataclass(frozen=True)
class Port:
    """One input or output of a model: a column (MLflow type name), or a tensor (dtype name, shape with -1)."""

    name: str
    dtype: str
    shape: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Component:
    """A model that is registered on its own: its files, what goes in and out, and what describes it."""

    name: str
    folder: Path
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    params: Mapping[str, str | int | float] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Registered:
    """A registered version: model name, number, digest of its files, the run that made it, time, aliases, tags."""

    name: str
    version: int
    digest: str
    run_id: str
    created_ms: int
    aliases: tuple[str, ...]
    tags: Mapping[str, str]
