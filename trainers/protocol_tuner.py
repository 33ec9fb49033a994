"""The tuner of `trainers.protocol`, which says what it does in its words."""

import darts_tf


class ProtocolTuner(darts_tf.DartsTuner):
    """Says in a line each which cell is begun, and what became of it.

    Args:
        whole: A `trainers.whole_run.Protocol`, which is told of each cell.
        **kwargs: Those of `darts_tf.DartsTuner`; `project_name` is in the
            lines.
    """

    def __init__(self, whole, **kwargs):
        self.whole = whole
        super().__init__(**kwargs)

    def on_trial_begin(self, trial):
        """Says which cell is begun."""
        super().on_trial_begin(trial)
        print(f"{self._title(trial)} ...", flush=True)

    def on_trial_end(self, trial):
        """Says what became of it."""
        super().on_trial_end(trial)
        metrics = (self.executions(trial.trial_id) or [None])[0]
        if trial.status != "COMPLETED" or metrics is None:
            print(f"{self._title(trial)}: {trial.status.lower()}", flush=True)
            return
        name = self.oracle.objective.name
        print(
            f"{self._title(trial)}: {name} {metrics[name]:.4f} after a short "
            f"training, {metrics['parameters']:,} parameters, "
            f"{metrics['seconds']:.0f} s",
            flush=True,
        )
        self.whole.cells[self.project_name].append(metrics)
        self.whole.say()

    def _title(self, trial):
        limit = self.oracle.max_trials
        of = f" of {limit}" if limit else ""
        return f"{self.project_name}: cell {int(trial.trial_id) + 1}{of}"
