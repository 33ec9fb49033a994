"""A process that takes a step whenever it is asked, for `stepping`.

It imports nothing, so that what a process needs is only what is timed in it:
those of PyTorch have an interpreter of their own.
"""

import json
import os
import resource
import sys
import time

MARK = "worker"


def requested():
    """Tells whether the command line is that of such a process."""
    return sys.argv[1:2] == [MARK]


def serve(make):
    """Answers each line of stdin in JSON: `step` by its seconds, then `stop`.

    Args:
        make: Callable that takes the setting of the command line as keyword
            arguments. It returns a function that takes a step, or a pair of
            that and a dictionary of figures that are known beforehand; `stop`
            returns these and the peak memory.
    """
    made = make(**json.loads(sys.argv[2]))
    step, figures = made if isinstance(made, tuple) else (made, {})
    while sys.stdin.readline().strip() == "step":
        start = time.perf_counter()
        step()
        _answer(seconds=time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    _answer(peak_memory_gb=peak, **figures)
    os._exit(0)


def _answer(**values):
    print(json.dumps(values), flush=True)
