"""Writes text as a trained language model would go on.

    python -m trainers.sample_text --network=RUN/network.keras --words=100
    python -m trainers.sample_text --network=OUT/network.tflite \
        --prompt="the meaning of life is" --temperature=0.8 --seed=1

The network is that of `trainers.ptb_train`, or the SavedModel or `.tflite` file
that `trainers.export` made of it. Each line of the model's text is printed as a
line.
"""

import dataclasses

from trainers import late
from trainers import options
from trainers import workdir

with late.imports():
    import darts_tf
    from darts_tf.export import step_model


@dataclasses.dataclass(frozen=True)
class Config:
    """Options of the sampler; each field is a flag of the same name."""

    network: str = options.option(
        "File network.keras or network.tflite, or folder saved_model; the "
        "vocabulary.txt lies beside or in it."
    )
    words: int = options.option("How many to write.", 100)
    temperature: float = options.option(
        "Below 1 likely words become more likely, above 1 rare ones do.", 1.0
    )
    prompt: str = options.option("Words that the text goes on from.", "")
    seed: int = options.option("The same seed gives the same text.", 0)


def run(config):
    """Writes the text.

    Args:
        config: A `Config`.

    Returns:
        String, the text with its prompt.
    """
    workdir.check_file("network", config.network)
    model = darts_tf.export.StepModel.open(config.network)
    words = darts_tf.export.sample_text(
        model,
        step_model.read_vocabulary(config.network),
        config.words,
        config.seed,
        config.temperature,
        config.prompt,
    )
    line = " ".join([*config.prompt.split(), *words])
    text = "\n".join(part.strip() for part in line.split("<eos>"))
    print(text)
    return text


if __name__ == "__main__":
    options.main(Config, run)
