"""The method once more: independent forms, for tests and benchmarks.

They share nothing with the library but the search space and, where it is said,
variables, so that neither shares a mistake with the other. They are not
installed.

- `plain_supernet`: the convolutional supernet in stock Keras layers, one for
  each edge and operation; what the merged form is compared with and timed
  against.
- `official_torch`: the networks of the official code in PyTorch, whose
  `state_dict()` has the official names.
- `torch_supernet`, `torch_recurrent`: the two searches in plain PyTorch, to be
  timed; their step is Algorithm 1 in `torch_search`.
- `official_numpy`: the networks of the official code in NumPy loops, which
  also name the arrays of its checkpoints.

The whole method in plain Keras, to be read, is `examples/darts_in_one_file.py`.
"""
