"""Times what users wait for; see each module."""

import os

# As `import darts_tf` does, which PyTorch's forms cannot: they may run where
# there is no TensorFlow.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
