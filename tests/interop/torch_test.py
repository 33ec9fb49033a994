"""Networks rebuilt in PyTorch give and take state dictionaries as they are."""

import pickle
import struct

import numpy as np
import pytest

import darts_tf

# float64 rounding, over tens of layers with values of size 1.
TOLERANCE = {"rtol": 1e-9, "atol": 1e-10}
PRIMITIVES = darts_tf.SearchSpace.conv().primitives

pytestmark = pytest.mark.slow  # for the time that PyTorch takes to import


@pytest.fixture
def official(torch):
    # What imports PyTorch must not be imported without it.
    from reference import official_torch

    return official_torch


def _randomize(torch, module):
    """Gives everything a value of its own, so that no mix-up can hide."""
    with torch.no_grad():
        for name, value in module.state_dict().items():
            if name.endswith("running_var"):
                value.uniform_(0.5, 2.0)
            elif name.endswith("running_mean") or value.ndim == 1:
                if value.is_floating_point():
                    value.normal_(0.1, 1.0)


def _assert_close(ours, theirs):
    theirs = theirs.detach().numpy()
    np.testing.assert_allclose(ours, theirs, **TOLERANCE)


def _assert_moved_alike(model, module, alphas=True):
    """Compares all arrays after a forward pass in training."""
    ours = darts_tf.interop.to_official(model, alphas)
    theirs = darts_tf.interop.read_checkpoint(module.state_dict())
    assert ours.keys() == theirs.keys()
    for name, array in theirs.items():
        np.testing.assert_allclose(ours[name], array, **TOLERANCE)


def test_derived_cifar_network(torch, official, torch_float64, tmp_path):
    genotype = darts_tf.zoo.DARTS_V2
    module = official.NetworkCIFAR(genotype, 4, 3, 5)
    _randomize(torch, module)
    network = darts_tf.ConvNetwork(genotype, 5, 4, 3, auxiliary_weight=0.4)
    network.build((None, 32, 32, 3))
    names = darts_tf.interop.load_official(network, module.state_dict())
    counters = [n for n in module.state_dict() if "num_batches" in n]
    assert counters
    assert sorted([*names, *counters]) == sorted(module.state_dict())
    images = torch.randn(4, 3, 32, 32)
    ours = images.permute(0, 2, 3, 1).numpy()
    _assert_close(network(ours, training=False), module.eval()(images)[0])
    for mine, theirs in zip(
        network(ours, training=True), module.train()(images), strict=True
    ):
        _assert_close(mine, theirs)
    _assert_moved_alike(network, module)
    # And back, by a file, into a module that starts from other weights.
    darts_tf.interop.save_official(network, tmp_path / "network.pt")
    other = official.NetworkCIFAR(genotype, 4, 3, 5)
    other.load_state_dict(torch.load(tmp_path / "network.pt"))
    for mine, theirs in zip(
        module.eval()(images), other.eval()(images), strict=True
    ):
        np.testing.assert_allclose(mine.detach(), theirs.detach(), **TOLERANCE)


def test_convolutional_supernet(torch, official, torch_float64):
    module = official.Network(2, 3, 5, 2, [[PRIMITIVES] * 5] * 2)
    space = darts_tf.SearchSpace.conv(num_nodes=2)
    supernet = darts_tf.ConvSupernet(space, 5, 2, 3)
    supernet.build((None, 8, 8, 3))
    images = torch.randn(4, 3, 8, 8)
    # In training, so that all running statistics have moved.
    module.train()(images)
    # The official code has the logits beside the dictionary.
    darts_tf.interop.load_official(
        supernet,
        {
            **module.state_dict(),
            "alphas_normal": module.alphas_normal,
            "alphas_reduce": module.alphas_reduce,
        },
    )
    ours = images.permute(0, 2, 3, 1).numpy()
    _assert_close(supernet(ours, training=False), module.eval()(images)[0])
    _assert_close(supernet(ours, training=True), module.train()(images)[0])
    _assert_moved_alike(supernet, module, alphas=False)


def test_recurrent_network(torch, official, torch_float64):
    genotype = darts_tf.zoo.RECURRENT_DARTS_V2
    cell = official.DARTSCell(6, genotype.recurrent)
    module = official.RNNModel(cell, 20, 6)
    network = darts_tf.RecurrentNetwork(genotype, 20, 6)
    network.build()
    darts_tf.interop.load_official(network, module.state_dict())
    tokens = torch.randint(0, 20, (5, 3))
    logits = network(tokens.numpy().T)["logits"]
    _assert_close(np.swapaxes(logits, 0, 1), module(tokens))
    module.load_state_dict(
        {
            name: torch.from_numpy(array)
            for name, array in darts_tf.interop.to_official(network).items()
        }
    )


def test_recurrent_supernet(torch, official, torch_float64):
    space = darts_tf.SearchSpace.recurrent(num_nodes=3)
    cell = official.DARTSCellSearch(6, 3, space.primitives)
    module = official.RNNModel(cell, 20, 6)
    _randomize(torch, module)
    none = dict.fromkeys(
        ("output", "hidden", "cell_input", "embedded", "words"), 0.0
    )
    supernet = darts_tf.RecurrentSupernet(space, 20, 6, dropouts=none)
    supernet.build()
    darts_tf.interop.load_official(
        supernet, {**module.state_dict(), "weights": cell.weights}
    )
    tokens = torch.randint(0, 20, (5, 8))
    for training in (False, True):
        logits = supernet(tokens.numpy().T, training=training)["logits"]
        module.train(training)
        _assert_close(np.swapaxes(logits, 0, 1), module(tokens))


@pytest.mark.parametrize("new_format", [True, False])
def test_both_file_formats_are_read(torch, official, tmp_path, new_format):
    genotype = darts_tf.zoo.DARTS_V1
    module = official.NetworkCIFAR(genotype, 2, 3, 5)
    _randomize(torch, module)
    state = {f"module.{k}": v for k, v in module.state_dict().items()}
    torch.save(
        # What the official ImageNet script puts around it.
        {"epoch": 3, "state_dict": state, "best_acc_top1": torch.tensor(7.0)},
        tmp_path / "checkpoint.pth.tar",
        _use_new_zipfile_serialization=new_format,
    )
    arrays = darts_tf.interop.read_checkpoint(tmp_path / "checkpoint.pth.tar")
    kept = {n: v for n, v in module.state_dict().items() if "num_b" not in n}
    assert arrays.keys() == kept.keys()
    for name, tensor in kept.items():
        np.testing.assert_array_equal(arrays[name], tensor)


def test_a_file_of_pytorch_0_3_from_a_gpu_is_read(torch, tmp_path):
    values = np.arange(6, dtype="float32")

    class Storage:
        """Stands for `torch.cuda.FloatStorage` in the pickle."""

    class Pickler(pickle._Pickler):
        def persistent_id(self, value):
            if not isinstance(value, Storage):
                return None
            kind = torch.cuda.FloatStorage
            return ("storage", kind, "94", "cuda:0", values.size, None)

    class Tensor:
        def __reduce__(self):
            rebuild = torch._utils._rebuild_tensor
            return rebuild, (Storage(), 0, (2, 3), (3, 1))

    path = tmp_path / "weights.pt"
    with open(path, "wb") as file:
        # Magic number, version of the format, sizes of types; the values.
        pickle.dump(0x1950A86A20F9469CFC6C, file, 2)
        pickle.dump(1001, file, 2)
        sizes = {"short": 2, "int": 4, "long": 8}
        about = {
            "protocol_version": 1001,
            "little_endian": True,
            "type_sizes": sizes,
        }
        pickle.dump(about, file, 2)
        Pickler(file, 2).dump({"decoder.bias": Tensor()})
        pickle.dump(["94"], file, 2)
        file.write(struct.pack("<q", values.size) + values.tobytes())
    arrays = darts_tf.interop.read_checkpoint(path)
    np.testing.assert_array_equal(arrays["decoder.bias"], values.reshape(2, 3))


def test_tensors_of_other_types_are_refused_by_name(torch):
    with pytest.raises(ValueError, match="'a.weight' must.*Received: Tensor"):
        darts_tf.interop.read_checkpoint(
            {"a.weight": torch.zeros(2, dtype=torch.bfloat16)}
        )


def test_a_whole_model_in_a_file_is_refused_unread(torch, tmp_path):
    torch.save(torch.nn.Linear(2, 2), tmp_path / "model.pt")
    with pytest.raises(ValueError, match=r"state_dict\(\).*model.pt"):
        darts_tf.interop.read_checkpoint(tmp_path / "model.pt")
    torch.save(torch.zeros(2), tmp_path / "tensor.pt")
    with pytest.raises(ValueError, match="Received: Tensor in source"):
        darts_tf.interop.read_checkpoint(tmp_path / "tensor.pt")
    (tmp_path / "text.pt").write_text("no checkpoint")
    with pytest.raises(ValueError, match="torch.save.*text.pt"):
        darts_tf.interop.read_checkpoint(tmp_path / "text.pt")
