"""What a search model has besides Algorithm 1, which is in `search_model.py`.

What `fit` does before the first step, evaluation, files, and what Keras asks of
a model with two optimizers.
"""

import keras

from darts_tf.callbacks import exact_resume
from darts_tf.callbacks import schedules
from darts_tf.distribution import replicas
from darts_tf.models import alphas as alphas_lib
from darts_tf.models import monitors
from darts_tf.models import saved_network
from darts_tf.search import compile_checks
from darts_tf.search import fit_checks
from darts_tf.search import progress as progress_lib
from darts_tf.search.engine import random_state
from darts_tf.spaces import discretization


class SearchModelBase(saved_network.KerasFileModel):
    """What `DartsSearchModel`, its one subclass, is built on.

    Args:
        *args: Arguments of `keras.Model`.
        **kwargs: Keyword arguments of `keras.Model`.
    """

    def explain(self):
        """Returns why each edge of `genotype()` was chosen.

        Returns:
            A tuple of `darts_tf.EdgeChoice`, with op weights and margins.
        """
        return discretization.explain(self.space, self.op_weights())

    def entropy(self):
        """Returns how undecided the edges are, by cell type.

        Returns:
            A dictionary of floats in nats, at most `log(num_primitives)`.
        """
        return {
            cell_type: float(alphas_lib.entropy(op_weights))
            for cell_type, op_weights in self.op_weights().items()
        }

    def _source(self, x, y, alpha_data, batch_size, weights):
        """Returns where batches come from; as `task.source`, but checked.

        Args:
            x: As for `fit`.
            y: As for `fit`.
            alpha_data: As for `fit`.
            batch_size: As for `fit`.
            weights: Dictionary of `sample_weight` and `class_weight`.

        Raises:
            ValueError: If the data does not fit the model, or there is nothing
                to train.
        """
        source = self.task.source(x, y, alpha_data, batch_size, weights)
        source.check_for(self.supernet, self.loss if self.compiled else None)
        compile_checks.check_trainable(self)
        return source

    def _compiled_and_built(self, source, epochs, callbacks):
        """Compiles and builds the model if need be, for a source of data.

        Args:
            source: What `task.source` returned.
            epochs: Integer, the number of epochs.
            callbacks: What the user gave.

        Returns:
            The list of callbacks, with the paper's schedule if the model was
            not compiled.
        """
        callbacks = monitors.callback_list(callbacks)
        with self.distribute_strategy.scope():
            if not self.compiled:
                self.compile()
                defaults = self.task.callbacks(epochs)
                defaults = schedules.unless_given(defaults, callbacks)
                callbacks = [*defaults, *callbacks]
            if self.built:
                self.task.prepare(self.supernet, source.input_shape)
            else:
                self.build(source.input_shape)
        progress = progress_lib.Progress(self, epochs)
        return [progress, fit_checks.StepsAreTaken(), *callbacks]

    def _dataset(self, source, initial_epoch, steps_per_epoch, callbacks):
        """Returns the data set from where the search goes on.

        Restores what `ExactResume` kept, and builds the graphs of a step.
        """
        start_step = initial_epoch * steps_per_epoch
        resume = exact_resume.find(callbacks)
        if resume is not None:
            restored = resume.restore(self, steps_per_epoch, callbacks[:-1])
            start_step = restored or start_step
        dataset = source.dataset(self.seed, start_step)
        strategy = self.distribute_strategy
        with strategy.scope():
            self.task.create_metrics(self, dataset.element_spec[0])
            specs = map(
                keras.utils.unpack_x_y_sample_weight, dataset.element_spec
            )
            self.engine.build_graphs(*specs)
        return replicas.distributed(dataset, strategy)

    def make_train_function(self, force=False):
        """Makes the function that `fit` calls for each step: `train_step`."""
        if not self.engine.calls_graphs:
            super().make_train_function(force)
        elif self.train_function is None or force:
            # Python takes the step, and calls the graphs of the engine.
            self.train_function = lambda iterator: self.train_step(
                next(iterator)
            )

    def _record(self, loss, alpha_loss, predictions, train_batch):
        """Updates the metrics and returns them."""
        self._alpha_loss.update_state(alpha_loss)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
        return replicas.reducible(
            self.task.update_metrics(self, train_batch, predictions)
        )

    def test_step(self, data):
        """Evaluates the supernet, with moving statistics."""
        logs = self.task.test_step(self, data)
        logs.pop("alpha_loss", None)  # nothing was measured
        return replicas.reducible(logs)

    def evaluate(self, x=None, *arguments, **kwargs):
        """Evaluates as `keras.Model.evaluate`, also on a text of word ids."""
        x = self.task.evaluation_data(self.supernet, x)
        with fit_checks.running(self.supernet):
            return super().evaluate(x, *arguments, **kwargs)

    def hypergradient_at(self, train_batch, alpha_batch, method=None):
        """Computes the hypergradient; nothing of the model is changed.

        Args:
            train_batch: Tuple `(x, y, sample_weight)` of tensors, the last of
                which may be `None`; with texts `(tokens, targets, is_first)`.
            alpha_batch: Tuple of the same form.
            method: Optional string, another method than the model's.

        Returns:
            The validation loss, at w' unless of first order, and a list with
            the gradient for each of the alphas.
        """
        with fit_checks.running(self.supernet), self.engine.graphs():
            train_loss = self.engine.loss("weights", train_batch)
            alpha_loss = self.engine.loss("alphas", alpha_batch)
            result = self._hypergradient(train_loss, train_batch, method)(
                alpha_loss, self.engine.weights(), self.engine.alphas()
            )
        return result.loss, result.gradients

    def save_own_variables(self, store):
        """Saves where the random layers are, which Keras leaves out."""
        for k, variable in enumerate(self._random_state()):
            store[f"{k}"] = variable

    def load_own_variables(self, store):
        """Sets the random layers to where they were."""
        for k, variable in enumerate(self._random_state()):
            variable.assign(store[f"{k}"])

    def _random_state(self):
        return [
            variable
            for variable in self.supernet.non_trainable_variables
            if random_state.is_random_state(variable)
        ]

    def get_compile_config(self):
        """Adds the second optimizer to what Keras saves."""
        config = super().get_compile_config()
        if not self.compiled:
            return config
        config["alpha_optimizer"] = keras.saving.serialize_keras_object(
            self.alpha_optimizer
        )
        return config

    def compile_from_config(self, config):
        """Restores both optimizers, built, so that their state can load."""
        self.compile(**keras.saving.deserialize_keras_object(config))

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        # Under a strategy Keras would build the model on the first batch, and
        # take a pair of batches for (x, y). `fit` has built everything.
        metrics = self._compile_metrics
        if metrics is not None and not metrics.built:
            super()._maybe_symbolic_build(iterator, data_batch)

    def _build_optimizers(self):
        if self.built and self.compiled:
            for optimizer, variables in (
                (self.optimizer, self.network_weights),
                (self.alpha_optimizer, self.alphas),
            ):
                if not optimizer.built:
                    optimizer.build(variables)
                compile_checks.check_built_for(optimizer, variables)
