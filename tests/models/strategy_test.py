"""Training under a strategy of two replicas, each in a process of its own."""

import os
import pathlib
import subprocess
import sys

import numpy as np

ROOT = pathlib.Path(__file__).parents[2]


def test_two_devices_equal_one_with_the_whole_batch(tmp_path):
    # Devices can only be divided before TensorFlow starts.
    processes = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.models.two_devices",
                str(devices),
                str(tmp_path / f"{devices}.npz"),
            ],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for devices in (1, 2)
    ]
    for process in processes:
        output, _ = process.communicate()
        assert process.returncode == 0, output
    one, two = (dict(np.load(tmp_path / f"{n}.npz")) for n in (1, 2))
    # Loss, weights and moving statistics after 3 steps in float32, where sums
    # over a batch are taken in another order; seen was 4e-6.
    for name, expected in one.items():
        np.testing.assert_allclose(
            two[name], expected, atol=1e-4 * np.abs(expected).max(), rtol=0
        )
