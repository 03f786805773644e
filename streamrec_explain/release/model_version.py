"""The one string that names a release everywhere: streamrec-release/13@bdf93200."""

import re
from dataclasses import dataclass

from streamrec_explain.errors import InvalidInputError

RELEASE = "streamrec-release"
SHORT = 8
_PATTERN = re.compile(rf"{RELEASE}/([1-9][0-9]*)@([0-9a-f]{{{SHORT}}})")


@dataclass(frozen=True)
class ModelVersion:
    """A registered version of the release and the first 8 hex characters of its manifest's digest."""

    version: int
    short_digest: str

    def __str__(self) -> str:
        return f"{RELEASE}/{self.version}@{self.short_digest}"

    @classmethod
    def of(cls, version: int, digest: str) -> "ModelVersion":
        """The model version of a registered version whose manifest has this SHA-256."""
        return cls(version, digest[:SHORT])

    @classmethod
    def parse(cls, text: str) -> "ModelVersion":
        """Take a model version apart; InvalidInputError if the text is not one."""
        match = _PATTERN.fullmatch(text)
        if match is None:
            expected = f"{RELEASE}/VERSION@{SHORT} hex digits"
            raise InvalidInputError(f"{text!r} is not a model version; expected {expected}")
        return cls(int(match[1]), match[2])
