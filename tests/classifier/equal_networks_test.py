import pytest

import darts_tf
from darts_tf.classifier import equal_networks
from darts_tf.classifier import plans
from darts_tf.classifier import sizes


@pytest.mark.parametrize("image_size", [16, 64])
@pytest.mark.parametrize("plain", [True, False])
def test_the_parameters_are_those_of_the_network_that_is_built(
    image_size, plain
):
    setting = plans.Setting(image_size, sizes.stem_of(image_size), 3, 8, 0)
    count = equal_networks.counter(setting, num_classes=3, channels=1)
    genotype = None if plain else sizes.space(2).random_genotype(1)
    for filters in (8, 16) if image_size == 64 else (7, 16):
        network = sizes.build(genotype, image_size, 3, filters, 3, 1)
        expected = darts_tf.count_parameters(network)
        assert count(genotype, filters) == expected


def test_a_random_and_a_plain_network_have_as_many_parameters():
    setting = plans.Setting(16, "cifar", 3, 16, 0)
    count = equal_networks.counter(setting, num_classes=10, channels=3)
    wanted = count(sizes.space(2).random_genotype(5), 16)
    cell, filters, found = equal_networks.random_cell(
        wanted, setting, num_nodes=2, seed=0, count=count
    )
    assert found == count(cell, filters) == pytest.approx(wanted, rel=0.06)
    _, plain = equal_networks.filters_for(wanted, lambda n: count(None, n))
    assert plain == pytest.approx(wanted, rel=0.06)


def test_the_next_cell_is_drawn_if_one_can_have_no_such_number():
    setting = plans.Setting(16, "cifar", 3, 16, 0)
    space = sizes.space(2)
    first, second = (space.random_genotype(seed) for seed in (3, 4))

    def count(genotype, filters):
        return filters * (1000 if genotype == first else 10)

    cell, filters, found = equal_networks.random_cell(
        1500, setting, 2, 3, count
    )
    assert (cell, filters, found) == (second, 150, 1500)
