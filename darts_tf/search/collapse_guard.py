"""Watches a search for the collapse to cells of skip connections."""

import math
import warnings

import keras
import numpy as np
import tensorflow as tf

from darts_tf import checks
from darts_tf.search import curvature

ACTIONS = ("warn", "stop", "return")
# Zela et al.: means of 5 values, 5 apart, of which the later is 4/3 as large.
_WINDOW = 5
_GROWTH = 4 / 3


class CollapseGuard(keras.callbacks.Callback):
    """Watches a search for signs of collapse, and acts on them.

    A search that goes on for too long may prefer operations without weights,
    which are learned fastest, and end in a cell of skip connections that does
    badly when it is trained. After each epoch this callback adds to the
    figures

    - `skips_normal`, `skips_reduction`: the skip connections in the most
      likely cell, of a convolutional space;
    - `entropy_...`: how undecided the edges are, in nats;
    - `alpha_eigenvalue`: the largest eigenvalue of the Hessian of the
      validation loss in the alphas, on one batch, at intervals.

    Signs of collapse are more skip connections in the normal cell than
    `max_skips`, an entropy below `min_entropy`, and an eigenvalue whose mean
    over 5 measurements is 4/3 of that of 5 measurements before. What is logged
    by callbacks after this one is also what this one adds.

    Args:
        action: String. `"warn"` warns once and goes on; `"stop"` also ends the
            search after the epoch; `"return"` ends it and sets the alphas to
            those of the last epoch without a sign. Defaults to `"warn"`.
        max_skips: Optional integer, the most skip connections in a normal
            cell. Defaults to `None`, half of its edges.
        min_entropy: Float from 0 to 1, as a part of that of equal op weights.
            Defaults to `0.05`.
        alpha_batch: Optional batch of the alphas' stream, a tuple `(x, y)`
            or with texts `(tokens, targets, is_first)`, on which the
            eigenvalue is measured. Defaults to `None`, it is not measured.
        eigenvalue_every: Integer, epochs between two measurements. Defaults
            to `1`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> guard = darts_tf.CollapseGuard(action="return", max_skips=2)
    >>> guard.action
    'return'

    Reference:
        Zela et al., arXiv:1909.09656, on the eigenvalue; Liang et al.,
        arXiv:1909.06035, on the number of skip connections.
    """

    def __init__(
        self,
        action="warn",
        max_skips=None,
        min_entropy=0.05,
        alpha_batch=None,
        eigenvalue_every=1,
    ):
        super().__init__()
        if action not in ACTIONS:
            raise ValueError(
                f"`action` must be one of {ACTIONS}. Received: {action=}"
            )
        if max_skips is not None:
            checks.not_negative(max_skips, "max_skips")
        if not 0 <= min_entropy <= 1:
            raise ValueError(
                f"`min_entropy` must be from 0 to 1. Received: {min_entropy=}"
            )
        if not eigenvalue_every >= 1:
            raise ValueError(
                "`eigenvalue_every` must be a positive number of epochs. "
                f"Received: {eigenvalue_every=}"
            )
        self.action = action
        self.max_skips = max_skips
        self.min_entropy = min_entropy
        self.alpha_batch = alpha_batch
        self.eigenvalue_every = eigenvalue_every
        self._collapsed = keras.Variable(False, dtype="bool", trainable=False)
        self._eigenvalues = keras.Variable(
            np.full(2 * _WINDOW, np.nan), trainable=False
        )
        self._good_alphas = None

    def set_model(self, model):
        """Makes the memory of the alphas."""
        super().set_model(model)
        if self._good_alphas is None:
            self._good_alphas = [
                keras.Variable(alphas, trainable=False)
                for alphas in model.alphas
            ]

    @property
    def collapsed(self):
        """Whether there was a sign of collapse."""
        return bool(keras.ops.convert_to_numpy(self._collapsed))

    @property
    def variables(self):
        """The whole state, as a list of `keras.Variable`, to be saved."""
        return [self._collapsed, self._eigenvalues, *self._good_alphas]

    def on_epoch_end(self, epoch, logs=None):
        """Looks for signs, and acts."""
        figures = self._figures(epoch)
        if logs is not None:
            logs.update(figures)
        signs = self._signs(figures)
        if not signs:
            if not self.collapsed:
                self._copy(self.model.alphas, self._good_alphas)
            return
        if not self.collapsed:
            warnings.warn(
                f"The search shows signs of collapse in epoch {epoch + 1}: "
                f"{'; '.join(signs)}",
                stacklevel=2,
            )
        self._collapsed.assign(True)
        if self.action != "warn":
            self.model.stop_training = True
        if self.action == "return":
            self._copy(self._good_alphas, self.model.alphas)

    def _figures(self, epoch):
        model = self.model
        figures = {
            f"skips_{cell_type}": float(cell.num_skips)
            for cell_type, cell in model.genotype().cells.items()
            if model.space.kind == "conv"
        }
        for cell_type, entropy in model.entropy().items():
            figures[f"entropy_{cell_type}"] = entropy
        measures = (epoch + 1) % self.eigenvalue_every == 0
        if self.alpha_batch is not None and measures:
            figures["alpha_eigenvalue"] = self._eigenvalue()
        return figures

    def _eigenvalue(self):
        model = self.model
        batch = keras.utils.unpack_x_y_sample_weight(self.alpha_batch)
        batch = tuple(
            None if part is None else tf.convert_to_tensor(part)
            for part in batch
        )
        engine = model.engine
        with engine.graphs():
            value = curvature.largest_alpha_eigenvalue(
                engine.loss("alphas", batch),
                engine.weights(),
                engine.alphas(),
            )
        values = keras.ops.convert_to_numpy(self._eigenvalues)
        self._eigenvalues.assign(np.append(values[1:], value))
        return value

    def _signs(self, figures):
        signs = []
        model = self.model
        if "skips_normal" in figures:
            skips = figures["skips_normal"]
            edges = sum(len(n) for n in model.genotype().normal.nodes)
            limit = edges // 2 if self.max_skips is None else self.max_skips
            if skips > limit:
                signs.append(
                    f"{skips:.0f} skip connections in the normal cell, more "
                    f"than {limit}"
                )
        equal = math.log(len(model.space.primitives))
        for name, value in figures.items():
            if name.startswith("entropy_") and value < self.min_entropy * equal:
                signs.append(
                    f"{name} {value:.3g}, below {self.min_entropy:.3g} of "
                    f"{equal:.3g}"
                )
        values = keras.ops.convert_to_numpy(self._eigenvalues)
        before, after = values[:_WINDOW].mean(), values[_WINDOW:].mean()
        if before > 0 and after > _GROWTH * before:
            signs.append(
                f"the eigenvalue grew from {before:.3g} to {after:.3g} (means "
                f"of {_WINDOW})"
            )
        return signs

    def _copy(self, sources, targets):
        for source, target in zip(sources, targets, strict=True):
            target.assign(source)
