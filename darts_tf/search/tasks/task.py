"""What the engine of the search asks of a kind of space."""

import keras


class Task(keras.layers.Layer):
    """What a supernet is trained for: how a batch becomes a loss.

    The bilevel step is the same for images and for texts. What differs is
    here: the loss, what goes on from one batch to the next, the paper's
    optimizers, the data that `fit` takes and the figures that it shows. A task
    is a layer, so that what it carries is saved with the search.

    A batch is a tuple of three, `(x, y, extra)`, of which the last may be
    `None`. The two streams of a search are called `"weights"` and `"alphas"`.
    """

    # The class of the model that is searched, unless the user has one.
    supernet_class = None
    # The arguments of `DartsSearchModel` that the task takes, and those that
    # it hands to the supernet.
    arguments = ()
    supernet_arguments = ()
    # Of what a supernet takes.
    input_dtype = "float32"
    # Whether `train_loss` and `validation_loss` are one function of a batch.
    one_loss = False
    # Whether TensorFlow's graph optimiser is worth the time that it takes.
    optimizes_graphs = False
    # Whether a pass is small, and leaves cores idle that another one could use.
    side_by_side = False
    # Whether the virtual step and the vector of the second derivative are
    # clipped as the steps of the weights are.
    clips_virtual_step = False

    def check_supernet(self, supernet):
        """Raises an error if a supernet of the user's own cannot be trained.

        Args:
            supernet: A Keras model with alphas.

        Raises:
            ValueError: If something that the task asks of it is missing.
        """
        raise NotImplementedError

    def check_outputs(self, supernet, outputs):
        """Raises an error for outputs that the task cannot use.

        Args:
            supernet: A Keras model with alphas.
            outputs: What it returns, as `keras.KerasTensor`.

        Raises:
            ValueError: If they have another form or shape than expected.
        """

    def prepare(self, supernet, input_shape):
        """Creates what is carried from batch to batch.

        Args:
            supernet: The supernet.
            input_shape: Tuple, the shape of a batch of inputs.

        Raises:
            ValueError: If the shape does not do, or is not that of before.
        """

    def check_optimizer(self, optimizer):
        """Raises an error if the task cannot use an optimizer of weights."""

    def compile_options(self, supernet, loss, metrics, **kwargs):
        """Returns the options of `compile` with the task's own defaults.

        Args:
            supernet: The supernet.
            loss: The user's choice, or `None`.
            metrics: The user's choice, or `None`.
            **kwargs: The user's further options.

        Returns:
            A dictionary of options.

        Raises:
            ValueError: If one of them does not fit the task.
        """
        raise NotImplementedError

    def optimizers(self):
        """Returns the paper's two optimizers, for weights and for alphas."""
        raise NotImplementedError

    def callbacks(self, epochs):
        """Returns the paper's schedules, for a `fit` without `compile`."""
        raise NotImplementedError

    def source(self, x, y, alpha_data, batch_size, weights):
        """Returns the data of a search, checked, from the arguments of `fit`.

        Args:
            x: What the user gave.
            y: What the user gave, or `None`.
            alpha_data: What the user gave, or `None`.
            batch_size: Integer or `None`.
            weights: Dictionary of `sample_weight` and `class_weight`.

        Returns:
            An object with `input_shape`, `steps_per_epoch(requested)`,
            `dataset(seed, start_step)` and `check_for(supernet, loss)`.
        """
        raise NotImplementedError

    def evaluation_data(self, supernet, data):
        """Returns what Keras can evaluate, from what a user gave."""
        return data

    def carried(self, stream):
        """Returns the variables that go from batch to batch of a stream."""
        return []

    def train_loss(self, model, batch, carried):
        """Evaluates what the weights minimise.

        Args:
            model: The `DartsSearchModel`.
            batch: The batch.
            carried: List of tensors, the values of `carried`.

        Returns:
            A tuple of the loss, predictions for `update_metrics`, and the new
            values of what is carried.
        """
        raise NotImplementedError

    def validation_loss(self, model, batch, carried):
        """Evaluates what the alphas minimise; as `train_loss`."""
        raise NotImplementedError

    def learning_rate_scale(self, batch):
        """Returns the factor of the learning rate on a batch, `None` for 1."""
        return None

    def create_metrics(self, model, batch_spec):
        """Creates the variables of metrics, which Keras leaves to a step.

        A step that creates variables is traced twice: the user would wait for
        its graph twice as long.
        """

    def update_metrics(self, model, batch, predictions):
        """Returns all metrics, after a step of the weights."""
        raise NotImplementedError

    def test_step(self, model, data):
        """Evaluates a batch and returns all metrics."""
        raise NotImplementedError
