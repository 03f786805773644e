"""A stored session model of either kind: the file names its format, and the format its reader."""

from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from streamrec_explain.errors import UnsupportedModelError
from streamrec_explain.models import transformer_model
from streamrec_explain.models.session_model import SessionModel
from streamrec_explain.models.session_protocol import SessionScorer
from streamrec_explain.models.transformer_model import TransformerModel


def load_session_model(path: Path) -> SessionScorer:
    """Read what a session model's `save` wrote; UnsupportedModelError for any other file."""
    if _format(path) == transformer_model.FORMAT:
        return TransformerModel.load(path)
    return SessionModel.load(path)


def _format(path: Path) -> str:
    try:
        with np.load(path, allow_pickle=False) as stored:
            return str(stored["format"]) if "format" in stored.files else ""
    except (ValueError, OSError, EOFError, BadZipFile) as error:
        raise UnsupportedModelError(f"{path} is not a saved session model: {error}") from error
