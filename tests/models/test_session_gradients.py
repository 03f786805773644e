"""The torch form of either session model: it is the served score, and its gradients add up."""

import numpy as np
import pytest
import torch

from streamrec_explain.attribution.integrated_gradients import integrated_gradients
from streamrec_explain.errors import UnsupportedModelError
from streamrec_explain.models.session_gradients import embedded_score
from streamrec_explain.models.session_model import SessionModel
from streamrec_explain.models.transformer_model import TransformerModel

HISTORY = np.array([3, 8, 3, 20, 5], np.int32)
LAGS = np.array([17, 9, 4, 2, 1], np.int32)


@pytest.mark.parametrize("kind", ["model", "transformer"])
def test_torch_form_is_the_served_score(kind: str, request: pytest.FixtureRequest) -> None:
    """The embeddings of the real history give the served score of the candidate."""
    scorer: SessionModel | TransformerModel = request.getfixturevalue(kind)
    forward, embeddings = embedded_score(scorer, HISTORY, LAGS, 11)
    found = forward(torch.from_numpy(embeddings)).detach().numpy()
    np.testing.assert_allclose(found, scorer.scores(HISTORY, LAGS, [11]), rtol=0, atol=1e-6)


@pytest.mark.parametrize(("kind", "steps"), [("model", 8), ("transformer", 16384)])
def test_gradients_add_up(kind: str, steps: int, request: pytest.FixtureRequest) -> None:
    """With enough steps the attributions of the events sum to what the embeddings add to the score."""
    path = integrated_gradients(*embedded_score(request.getfixturevalue(kind), HISTORY, LAGS, 11), steps)
    assert (1, 5) == path.values.shape
    assert 0.01 > path.residual[0]


def test_unknown_kind_is_refused() -> None:
    """Another implementation of the protocol is named in the error."""
    with pytest.raises(UnsupportedModelError, match="object"):
        embedded_score(object(), HISTORY, LAGS, 0)  # type: ignore[arg-type]
