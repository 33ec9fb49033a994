"""What the machine can do at best: multiply matrices, and move memory.

Two processes for `stepping`, so that the limits are measured in turns with the
steps that are compared with them. By TensorFlow itself, in float32, on as many
threads as TensorFlow takes:

- `products`: the product of two square matrices of 4,096 rows. Of n rows they
  take n^3 multiply-adds, or 2 n^3 floating-point operations.
- `memory`: a vector of 2^27 numbers (0.5 GB, beyond every cache) added in place
  to another one. Two are read and one is written: 3 * 4 * 2^27 bytes.
"""

from benchmarks import worker

_ROWS, _LENGTH = 4096, 2**27
WHAT = ("products", "memory")


def settings():
    """Returns the settings of the processes, for `stepping.in_turns`."""
    return [
        {"module": "benchmarks.machine_limits", "what": what} for what in WHAT
    ]


def rates(rows):
    """Returns the limits from what `stepping.in_turns` returned.

    Args:
        rows: List of the two dictionaries for `settings`.

    Returns:
        A dictionary: floating-point operations and bytes a second, in
        thousands of millions, by the median, and the same by the fastest step.
    """
    products, memory = rows
    return {
        f"{unit}{suffix}": round(row["work"] / row[step] / 1e9, 2)
        for row, unit in ((products, "gflops"), (memory, "gb_per_second"))
        for step, suffix in (("step_median", ""), ("step_min", "_best"))
    }


def make_step(what, rows=_ROWS, length=_LENGTH, **_):
    """Makes one of the two, for `worker.serve`.

    Args:
        what: String, one of `WHAT`.
        rows: Integer, of the matrices. Defaults to `4096`.
        length: Integer, of the vectors. Defaults to `2**27`.

    Returns:
        A function that takes a step, and a dictionary with its `work`, in
        floating-point operations or bytes.
    """
    import tensorflow as tf

    if what == "products":
        matrix = tf.random.normal((rows, rows))

        def step():
            tf.matmul(matrix, matrix).numpy()

        return step, {"work": 2 * rows**3}
    total, vector = tf.Variable(tf.zeros(length)), tf.ones(length)

    @tf.function(autograph=False)
    def step():
        total.assign_add(vector, read_value=False)

    return step, {"work": 3 * 4 * length}


if __name__ == "__main__":
    worker.serve(make_step)
