import pytest

import darts_tf
from darts_tf import interop


def test_genotypes_of_an_official_log_come_in_order(tmp_path):
    path = tmp_path / "log.txt"
    first, last = darts_tf.zoo.DARTS_V1, darts_tf.zoo.DARTS_V2
    path.write_text(
        "2018-06-01 12:00:00,123 gpu device = 0\n"
        f"2018-06-01 12:00:01,001 genotype = {first.to_text()}\n"
        "2018-06-01 12:30:00,500 train_acc 43.21\n"
        f"06/01 12:59:59 PM genotype = {last.to_text()}\n"
        "06/01 12:59:59 PM valid_acc 45.0 \n"
    )
    assert interop.read_genotypes(path) == (first, last)


def test_recurrent_genotypes_are_printed_alone_or_after_a_colon(tmp_path):
    path = tmp_path / "log.txt"
    genotype = darts_tf.zoo.RECURRENT_DARTS_V1
    text = genotype.to_text()
    path.write_bytes(b"\xff\n" + f"{text}\nGenotype: {text}\n".encode())
    assert interop.read_genotypes(path) == (genotype, genotype)


def test_logs_without_a_whole_genotype_are_refused(tmp_path):
    path = tmp_path / "log.txt"
    path.write_text("train_acc 43.21\n")
    with pytest.raises(ValueError, match="Received.*log.txt.*has none"):
        interop.read_genotypes(path)
    path.write_text("\ngenotype = Genotype(normal=[('sep_conv_3x3', 1\n")
    with pytest.raises(ValueError, match=r"In line 2 of .*log.txt.*Received"):
        interop.read_genotypes(path)
    with pytest.raises(FileNotFoundError):
        interop.read_genotypes(tmp_path / "nothing.txt")


def test_a_genotype_goes_on_over_lines_and_text_may_follow_it(tmp_path):
    path = tmp_path / "genotypes.py"
    first, last = darts_tf.zoo.DARTS_V1, darts_tf.zoo.DARTS_V2
    path.write_text(
        "class Genotype(typing.NamedTuple):\n    normal: list\n\n"
        + f"V1 = {first.to_text()}\n".replace(", (", ",\n    (")
        + f"V2 = {last.to_text()}  # the best, [97.3 %)\n"
        + f"BEST = [{first.to_text()}, {last.to_text()}]\n"
    )
    assert interop.read_genotypes(path) == (first, last, first, last)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("form", ["json", "text"])
def test_files_of_windows_are_read(tmp_path, encoding, form):
    genotype = darts_tf.zoo.DARTS_V2
    text = genotype.to_json() if form == "json" else genotype.to_text()
    path = tmp_path / "genotype"
    path.write_bytes(text.replace("\n", "\r\n").encode(encoding))
    assert interop.read_genotypes(str(path)) == (genotype,)


def test_a_genotype_that_never_ends_is_refused_with_its_line(tmp_path):
    path = tmp_path / "log.txt"
    path.write_text("\n\nGenotype(normal=[" + "\n('a', 0)," * 20_000)
    with pytest.raises(ValueError, match=r"In line 3 of .*log.txt.*Received"):
        interop.read_genotypes(path)
    path.write_text('{"format": 3}')
    with pytest.raises(ValueError, match=r"genotype file.*Received.*log\.txt"):
        interop.read_genotypes(path)
