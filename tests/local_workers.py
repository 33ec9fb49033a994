"""Two workers of one machine, which meet on ports of their own."""

import json
import socket


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
