"""`python -m streamrec_explain.release.download URI VERSION FOLDER`: fetch one release in a process of its own."""

import sys
from pathlib import Path

from streamrec_explain.release.mlflow_registry import MlflowRegistry


def main(uri: str, version: str, folder: str) -> None:
    """Copy a release's bundle from any registry MLflow can read into a folder that does not exist yet."""
    MlflowRegistry.open(uri).download(int(version), Path(folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
