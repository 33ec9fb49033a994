"""What makes the tests of the tuner quick."""

import keras
import pytest


@pytest.fixture(scope="module")
def no_collection_between_models():
    """Leaves memory to Python: a full collection takes longer than a trial."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.backend, "clear_session", lambda **kwargs: None)
        yield
