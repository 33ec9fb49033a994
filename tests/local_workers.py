"""Processes of their own for several devices and workers of one machine."""

import json
import os
import pathlib
import socket
import subprocess
import sys

_ROOT = pathlib.Path(__file__).parents[1]


def start(module, arguments, stderr=subprocess.STDOUT, **environment):
    """Starts a module of the tests, whose devices are parts of the CPU.

    Devices can only be divided before TensorFlow starts. Were there a GPU, a
    worker would take it, and two of them each other's memory.
    """
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", module, *map(str, arguments)],
        cwd=_ROOT,
        env={
            **os.environ,
            "PYTHONPATH": str(_ROOT),
            "CUDA_VISIBLE_DEVICES": "-1",
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    )


def environments():
    """Returns the environments of two workers that find each other."""
    ports = []
    for _ in range(2):
        with socket.socket() as free:
            free.bind(("localhost", 0))
            ports.append(free.getsockname()[1])
    cluster = {"worker": [f"localhost:{port}" for port in ports]}
    return [
        {
            "TF_CONFIG": json.dumps(
                {"cluster": cluster, "task": {"type": "worker", "index": k}}
            )
        }
        for k in range(2)
    ]
