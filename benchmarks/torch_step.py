"""A process of PyTorch that takes steps of a search, for the other benchmarks.

`search_step` and `recurrent_step` start it in the interpreter that has
PyTorch; what it times is in `reference`.
"""

import torch

from benchmarks import worker
from reference import torch_recurrent
from reference import torch_supernet

_SLOWNESS = 1e-3


def _step(what=None, **setting):
    torch.manual_seed(0)
    if what is None:
        return _convolutional(**setting)
    return _recurrent(what, **setting)


def _convolutional(
    method, form, filters, num_cells, batch_size, image_size, **_
):
    channels_last = form == "torch_channels_last"
    layout = torch.channels_last if channels_last else torch.contiguous_format
    model = torch_supernet.Supernet(filters, num_cells).to(memory_format=layout)

    def batch():
        images = torch.randn(batch_size, 3, image_size, image_size)
        return (
            images.to(memory_format=layout),
            torch.randint(0, 10, (batch_size,)),
        )

    return torch_supernet.search(model, batch(), batch(), method).step


def _recurrent(what, vocabulary_size, units, batch_size, sequence_length, **_):
    shape = (sequence_length + 1, batch_size)
    texts = []
    for slowness in (_SLOWNESS, 0.0):
        words = torch.randint(0, vocabulary_size, shape)
        texts.append(
            torch_recurrent.Text(words[:-1], words[1:], units, slowness)
        )
    model = torch_recurrent.Supernet(vocabulary_size, units)
    method = what.removeprefix("torch_")
    searching = torch_recurrent.search(model, *texts, method)

    def step():
        searching.step()
        for text in texts:
            text.carry()

    return step


if __name__ == "__main__":
    worker.serve(_step)
