"""What users may rely on: a name that comes or goes is seen here."""

import types

import darts_tf

CLASSES_AND_FUNCTIONS = """
    Cell CollapseGuard ConvHyperModel ConvNetwork ConvSupernet DartsSearchModel
    DartsTuner Edge EdgeChoice ExactResume Genotype GenotypeChoice
    LinearDropPath RandomArchitectureOracle RecurrentHyperModel
    RecurrentNetwork RecurrentSupernet RepeatedSearchOracle SearchLog
    SearchSpace StatefulLanguageModel check_hypergradient count_multiply_adds
    count_parameters discretize explain register_operation
""".split()
PARTS = """
    callbacks checks data distribution environment export files interop layers
    models optimizers search spaces tuner version visualize zoo
""".split()


def test_the_public_names_are_those_that_users_know():
    names = [name for name in vars(darts_tf) if not name.startswith("_")]
    modules = [
        name
        for name in names
        if isinstance(getattr(darts_tf, name), types.ModuleType)
    ]
    assert sorted(modules) == PARTS
    assert sorted(set(names) - set(modules)) == CLASSES_AND_FUNCTIONS
