"""Command lines, one file a command: `python -m trainers.<name>`."""

import os

# As `import darts_tf` does, before which a command may import TensorFlow.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
