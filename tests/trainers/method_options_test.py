"""The flags of methods beyond the paper's."""

import pytest

from darts_tf import relaxations
from trainers import method_options


def test_without_a_flag_nothing_is_changed():
    config = method_options.RobustOptions()
    method_options.check(config)
    assert method_options.arguments(config) == {}


def test_each_flag_makes_its_method():
    found = method_options.arguments(
        method_options.RobustOptions(
            beta_decay=20.0,
            random_smoothing=0.3,
            temperature=2.0,
            final_temperature=0.5,
        )
    )
    assert found["alpha_regularizer"].strength == 20.0
    assert found["perturbation"].get_config() == {"end": 0.3, "start": 0.03}
    assert found["relaxation"].final_temperature == 0.5
    mutation = method_options.arguments(
        method_options.RobustOptions(edge_mutation=0.2)
    )["perturbation"]
    assert isinstance(mutation, relaxations.EdgeMutation)
    assert mutation.probability == 0.2


@pytest.mark.parametrize(
    "values",
    [
        {"beta_decay": -1.0},
        {"random_smoothing": 1.5},
        {"edge_mutation": -0.1},
        {"temperature": 0.0},
        {"final_temperature": -1.0},
        {"random_smoothing": 0.1, "edge_mutation": 0.1},
    ],
)
def test_what_is_out_of_range_or_excludes_another_is_refused(values):
    config = method_options.RobustOptions(**values)
    with pytest.raises(ValueError, match="Received") as error:
        method_options.check(config)
    assert "\n" not in str(error.value)
