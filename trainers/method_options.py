"""The flags of methods that keep a search from collapsing."""

import dataclasses

from trainers import late
from trainers import options

with late.imports():
    from darts_tf import relaxations


@dataclasses.dataclass(frozen=True, kw_only=True)
class RobustOptions:
    """Options of a search beyond the paper's; 0 and none leave each out."""

    beta_decay: float = options.option(
        "Strength of beta decay, a term on the alphas' loss that rises to it "
        "over the epochs; 0 leaves it out.",
        0.0,
    )
    random_smoothing: float = options.option(
        "Noise on op weights while the weights are trained, which rises to "
        "this; 0 leaves it out.",
        0.0,
    )
    edge_mutation: float = options.option(
        "Probability that an edge has a single operation while the weights "
        "are trained, which rises to this; 0 leaves it out.",
        0.0,
    )
    temperature: float = options.option("Of the softmax of the alphas.", 1.0)
    final_temperature: float | None = options.option(
        "What the temperature approaches at the end; none keeps it.", None
    )


def check(config):
    """Raises an error for methods that are out of range or exclude each other.

    Args:
        config: A config with the fields of `RobustOptions`.

    Raises:
        ValueError: If a strength is negative or above its limit, a temperature
            is not positive, or two methods need the same place.
    """
    for name, high in (
        ("beta_decay", float("inf")),
        ("random_smoothing", 1),
        ("edge_mutation", 1),
    ):
        value = getattr(config, name)
        if not 0 <= value <= high:
            raise ValueError(
                f"`{name}` must be from 0 to {high}. Received: {name}={value}"
            )
    for name in ("temperature", "final_temperature"):
        value = getattr(config, name)
        if value is not None and not value > 0:
            raise ValueError(
                f"`{name}` must be positive. Received: {name}={value}"
            )
    if config.random_smoothing and config.edge_mutation:
        raise ValueError(
            "`random_smoothing` and `edge_mutation` both change the op weights "
            "of the weights' phase; choose one. Received: random_smoothing="
            f"{config.random_smoothing}, edge_mutation={config.edge_mutation}"
        )


def arguments(config):
    """Returns the arguments of `darts_tf.DartsSearchModel`.

    Args:
        config: A config with the fields of `RobustOptions`.

    Returns:
        Dictionary, without what is left out.
    """
    found = {}
    if config.beta_decay:
        decay = relaxations.BetaDecay(config.beta_decay)
        found["alpha_regularizer"] = decay
    if config.random_smoothing:
        end = config.random_smoothing
        # It starts at a tenth, as published.
        noise = relaxations.RandomSmoothing(end, 0.1 * end)
        found["perturbation"] = noise
    if config.edge_mutation:
        mutation = relaxations.EdgeMutation(config.edge_mutation)
        found["perturbation"] = mutation
    if (config.temperature, config.final_temperature) != (1.0, None):
        found["relaxation"] = relaxations.Softmax(
            config.temperature, config.final_temperature
        )
    return found
