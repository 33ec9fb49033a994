"""What `SearchLog` writes, read back from its files."""

import errno
import io
import json
import resource
import signal

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorboard.plugins.hparams import plugin_data_pb2

import darts_tf
from darts_tf import visualize
from darts_tf.files import json_file
from darts_tf.models import alphas as alphas_lib

SPACES = {
    "conv": darts_tf.SearchSpace.conv(
        ["none", "skip_connect", "sep_conv_3x3"], num_nodes=2
    ),
    "recurrent": darts_tf.SearchSpace.recurrent(
        ["none", "tanh", "identity"], num_nodes=3
    ),
}


class StandIn:
    """As much of a search model as the log needs; builds no graph."""

    def __init__(self, kind):
        self.space = SPACES[kind]
        self._layer = alphas_lib.Alphas(self.space)
        self.alphas = self._layer.logits
        self.distribute_strategy = tf.distribute.get_strategy()
        self.move(0)

    def move(self, seed):
        generator = np.random.default_rng(seed)
        for variable in self.alphas:
            variable.assign(generator.normal(size=variable.shape))

    def op_weights(self):
        return {n: np.array(w) for n, w in self._layer.op_weights().items()}

    def genotype(self):
        return darts_tf.discretize(self.space, self.op_weights())

    def explain(self):
        return darts_tf.explain(self.space, self.op_weights())

    def entropy(self):
        return {
            name: float(alphas_lib.entropy(weights))
            for name, weights in self.op_weights().items()
        }


def search(model, log, epochs=2, **numbers):
    """Calls the log as `fit` does, and returns the op weights over time."""
    log.set_model(model)
    log.on_train_begin()
    op_weights = [model.op_weights()]
    for epoch in range(epochs):
        log.on_epoch_begin(epoch)
        model.move(epoch + 1)
        op_weights.append(model.op_weights())
        log.on_epoch_end(epoch, {"loss": 1.0 / (epoch + 1), **numbers})
    log.on_train_end()
    return op_weights


def events(folder):
    """Returns the values of each tag by step, and the hyperparameters."""
    found, hyperparameters = {}, {}
    for file in sorted((folder / "tensorboard").glob("events*")):
        for record in tf.data.TFRecordDataset([str(file)]):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                plugin = value.metadata.plugin_data
                if plugin.plugin_name == "hparams":
                    data = plugin_data_pb2.HParamsPluginData.FromString(
                        plugin.content
                    )
                    hyperparameters = dict(data.session_start_info.hparams)
                    continue
                tensor = tf.make_ndarray(value.tensor)
                found.setdefault(value.tag, {})[event.step] = tensor
    return found, hyperparameters


@pytest.mark.parametrize("kind", SPACES)
def test_tensorboard_holds_numbers_and_pictures_of_each_epoch(tmp_path, kind):
    model = StandIn(kind)
    log = darts_tf.SearchLog(tmp_path, visualize.search_pictures)
    op_weights = search(model, log, perplexity=90.0)
    found, _ = events(tmp_path)
    assert {k: float(v) for k, v in found["loss"].items()} == {1: 1.0, 2: 0.5}
    assert float(found["perplexity"][2]) == 90.0
    for cell_type in model.space.cell_types:
        last = {n: w for n, w in op_weights[2].items()}
        own = [
            choice
            for choice in darts_tf.explain(model.space, last)
            if choice.cell_type == cell_type
        ]
        skips = [c.primitive in ("skip_connect", "identity") for c in own]
        assert found[f"skips_{cell_type}"][2] == sum(skips)
        # Written as float32.
        assert found[f"margin_{cell_type}"][2] == pytest.approx(
            min(choice.margin for choice in own), rel=1e-6
        )
        weights = last[cell_type].astype(np.float64)
        assert found[f"entropy_{cell_type}"][2] == pytest.approx(
            -np.mean(np.sum(weights * np.log(weights), axis=1)),
            rel=1e-5,  # float32 sums of a few terms
        )
        edge = "1-2" if kind == "conv" else "0-1"
        row = model.space.edge_index(*map(int, edge.split("-")))
        for step in range(3):
            tag = f"op_weights_{cell_type}/{edge}/none"
            assert found[tag][step] == op_weights[step][cell_type][row, 0]
            drawn = visualize.search_pictures(model.space, op_weights[step])
            for name in (f"cell_{cell_type}", f"op_weights_{cell_type}"):
                # Width, height and the images as PNG.
                data = found[f"pictures/{name}"][step][2]
                picture = np.asarray(Image.open(io.BytesIO(data)))
                np.testing.assert_array_equal(picture, drawn[name])


def test_without_a_function_that_draws_there_are_no_pictures(tmp_path):
    search(StandIn("recurrent"), darts_tf.SearchLog(tmp_path), epochs=1)
    found, hyperparameters = events(tmp_path)
    assert not [tag for tag in found if tag.startswith("pictures")]
    assert not hyperparameters


def test_hyperparameters_are_written_for_the_table_of_runs(tmp_path):
    values = {"filters": 16, "flip": True, "xi": None, "dataset": "digits"}
    log = darts_tf.SearchLog(tmp_path, hyperparameters=values)
    search(StandIn("recurrent"), log, epochs=1)
    _, found = events(tmp_path)
    assert found["filters"].number_value == 16
    assert found["flip"].bool_value is True
    assert found["xi"].string_value == "none"
    assert found["dataset"].string_value == "digits"
    assert len(found) == 4


def test_the_files_give_the_search_back(tmp_path):
    model = StandIn("conv")
    op_weights = search(model, darts_tf.SearchLog(tmp_path))
    trace = visualize.read_trace(tmp_path)
    assert trace.space == model.space
    assert trace.epochs == (0, 1, 2)
    for written, read in zip(op_weights, trace.op_weights, strict=True):
        for name, array in written.items():
            np.testing.assert_array_equal(read[name], array)
    assert (
        darts_tf.Genotype.load(tmp_path / "genotype.json")
        == (trace.genotypes()[-1])
    )
    lines = (tmp_path / "alphas.jsonl").read_text().splitlines()
    np.testing.assert_array_equal(
        json.loads(lines[2])["alphas_reduction"], model.alphas[1]
    )


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(NotADirectoryError, match="directory="):
        darts_tf.SearchLog(tmp_path / "missing")


def test_a_search_killed_before_its_first_line_begins_its_events_anew(
    tmp_path,
):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for folder in (whole, killed):
        folder.mkdir()
    options = {"hyperparameters": {"filters": 16}}
    search(StandIn("recurrent"), darts_tf.SearchLog(whole, **options))
    search(StandIn("recurrent"), darts_tf.SearchLog(killed, **options), 1)
    (killed / "alphas.jsonl").unlink()  # as if it had not been written yet
    search(StandIn("recurrent"), darts_tf.SearchLog(killed, **options))
    assert str(events(killed)) == str(events(whole))
    names = ("alphas.jsonl", "history.jsonl")
    for name in names:
        assert (killed / name).read_text() == (whole / name).read_text()


def test_events_of_an_epoch_are_there_when_its_line_is(tmp_path, monkeypatch):
    class Killed(BaseException):
        pass

    log = darts_tf.SearchLog(tmp_path, visualize.search_pictures)
    append = json_file.append_line

    def killed_after(path, value):
        append(path, value)
        if path.name == "alphas.jsonl":
            raise Killed

    monkeypatch.setattr(json_file, "append_line", killed_after)
    with pytest.raises(Killed):
        search(StandIn("recurrent"), log)
    found, _ = events(tmp_path)
    assert all(list(steps) == [0] for steps in found.values())
    assert "pictures/cell_recurrent" in found


@pytest.mark.parametrize("name", ["history.jsonl", "alphas.jsonl"])
def test_a_damaged_line_is_said_before_the_search(tmp_path, name):
    (tmp_path / name).write_text('{"epoch": 0}\n7\n{"epoch": 1}\n')
    with pytest.raises(ValueError, match=f"{name}' must.*line 2"):
        darts_tf.SearchLog(tmp_path)


def test_a_full_disk_is_an_error_of_the_system_that_names_the_folder(tmp_path):
    # The size of a file is limited: the writer fails as on a full disk.
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    log = darts_tf.SearchLog(tmp_path, visualize.search_pictures)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
        with pytest.raises(OSError, match="TensorBoard's log.*tensorboard'"):
            search(StandIn("recurrent"), log)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert not (tmp_path / "alphas.jsonl").exists()


@pytest.mark.parametrize(
    ("error", "number"),
    [
        (tf.errors.ResourceExhaustedError, errno.ENOSPC),
        (tf.errors.PermissionDeniedError, errno.EACCES),
        (tf.errors.UnknownError, errno.EIO),
    ],
)
def test_errors_of_the_writer_have_the_numbers_of_the_system(
    tmp_path, monkeypatch, error, number
):
    def fail(*arguments, **kwargs):
        raise error(None, None, "Could not flush events file.\nStack")

    log = darts_tf.SearchLog(tmp_path)
    monkeypatch.setattr(tf.summary, "scalar", fail)
    with pytest.raises(OSError, match="flush events file") as caught:
        search(StandIn("recurrent"), log)
    assert caught.value.errno == number
    assert "\n" not in str(caught.value)
