"""The search on images: the supernet classifies them."""

import keras
import tensorflow as tf

from darts_tf import optimizers
from darts_tf.callbacks import schedules
from darts_tf.models import conv_supernet
from darts_tf.models import logits_loss
from darts_tf.search.tasks import bilevel_data
from darts_tf.search.tasks import image_arrays
from darts_tf.search.tasks import image_elements
from darts_tf.search.tasks import task
from darts_tf.spaces import paper


class ImageTask(task.Task):
    """Classification: any Keras loss of the labels and the logits."""

    supernet_class = conv_supernet.ConvSupernet
    supernet_arguments = (
        "num_classes",
        "filters",
        "num_cells",
        "stem_multiplier",
        "stem",
        "rematerialize",
        "relaxation",
        "perturbation",
    )
    one_loss = True

    def check_supernet(self, supernet):
        number = getattr(supernet, "num_classes", None)
        if not isinstance(number, int) or number < 1:
            raise ValueError(
                "`supernet` must have an attribute `num_classes`, the number "
                "of its logits, a positive integer. Received: "
                f"{type(supernet).__name__} with num_classes={number!r}"
            )

    def check_outputs(self, supernet, outputs):
        shape = getattr(outputs, "shape", None)
        if shape is None or len(shape) != 2 or shape[1] != supernet.num_classes:
            raise ValueError(
                "`supernet` must return logits of shape (batch, num_classes), "
                f"here (batch, {supernet.num_classes}). Received: "
                f"{type(supernet).__name__} that returns {outputs}"
            )

    def compile_options(self, supernet, loss, metrics, **kwargs):
        if loss is None:
            loss = logits_loss.default_loss(supernet.num_classes)
        logits_loss.check_loss(loss, supernet.num_classes)
        if metrics is None:
            metrics = logits_loss.default_metrics(loss)
        weighted = kwargs.pop("weighted_metrics", None)
        metrics, weighted = (
            logits_loss.fitting_metrics(given, supernet.num_classes, loss)
            for given in (metrics, weighted)
        )
        return {
            "loss": loss,
            "metrics": metrics,
            "weighted_metrics": weighted,
            **kwargs,
        }

    def optimizers(self):
        # The other defaults of both are the paper's for images.
        clipnorm = paper.ConvSearch.clipnorm
        return optimizers.SGD(global_clipnorm=clipnorm), optimizers.Adam()

    def callbacks(self, epochs):
        return [schedules.DefaultDecay(epochs=max(epochs, 1))]

    def source(self, x, y, alpha_data, batch_size, weights):
        if bilevel_data.is_dataset(x):
            bilevel_data.refuse(
                "a tf.data.Dataset", y=y, batch_size=batch_size, **weights
            )
            return image_elements.paired(x, alpha_data)
        bilevel_data.refuse("arrays, which `fit` splits", alpha_data=alpha_data)
        return image_arrays.ImageArrays(x, y, batch_size, **weights)

    def evaluation_data(self, supernet, data):
        return image_elements.as_tuples(data)

    def train_loss(self, model, batch, carried):
        x, y, sample_weight = batch
        predictions = model.supernet(x, training=True)
        loss = model.compute_loss(
            x, y, predictions, sample_weight, training=True
        )
        return loss, predictions, carried

    def validation_loss(self, model, batch, carried):
        return self.train_loss(model, batch, carried)

    def create_metrics(self, model, batch_spec):
        x, y = (
            keras.tree.map_structure(
                lambda spec: tf.zeros((1, *spec.shape[1:]), spec.dtype), part
            )
            for part in batch_spec[:2]
        )
        logits = keras.ops.zeros((1, model.supernet.num_classes))
        model.compute_metrics(x, y, logits)
        model.reset_metrics()

    def update_metrics(self, model, batch, predictions):
        x, y, sample_weight = batch
        return model.compute_metrics(x, y, predictions, sample_weight)

    def test_step(self, model, data):
        return keras.Model.test_step(model, data)
