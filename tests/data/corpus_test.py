"""Corpora from folders, from a server on this machine, and from Python."""

import functools
import hashlib
import http.server
import pathlib
import socket
import threading

import numpy as np
import pytest

from darts_tf.data import corpus
from darts_tf.data import download

TEXTS = {
    "train": "the cat <unk> the dog\n\n the dog sleeps \n",
    "valid": "the dog\n",
    "test": "the cow sleeps\n",
}


def write(folder, **changes):
    folder.mkdir(parents=True, exist_ok=True)
    for part, text in {**TEXTS, **changes}.items():
        content = text if isinstance(text, bytes) else text.encode()
        (folder / f"{part}.txt").write_bytes(content)
    return folder


def words(text, part):
    return [text.vocabulary[index] for index in getattr(text, part)]


class _Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        """Keeps the test's output clean."""


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Serves `tmp_path/served` and makes it the source of "ptb"."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    served = write(tmp_path / "served")
    handler = functools.partial(_Handler, directory=str(served))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
        thread.start()
        checksums = {
            part: hashlib.sha256(text.encode()).hexdigest()
            for part, text in TEXTS.items()
        }
        url = f"http://127.0.0.1:{httpd.server_port}/{{part}}.txt"
        source = corpus.Source(url, checksums)
        monkeypatch.setitem(corpus.SOURCES, "ptb", source)
        yield served
        httpd.shutdown()
        thread.join()


@pytest.fixture
def no_server(monkeypatch):
    """Makes a port that refuses connections the source of "ptb"."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))  # bound, but not listening
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/{{part}}.txt"
        source = corpus.Source(url, corpus.SOURCES["ptb"].sha256)
        monkeypatch.setitem(corpus.SOURCES, "ptb", source)
        yield


def test_words_are_numbered_in_the_order_of_the_training_text(tmp_path):
    text = corpus.load(write(tmp_path))
    assert text.vocabulary == ("the", "cat", "<unk>", "dog", "<eos>", "sleeps")
    assert text.vocabulary_size == 6
    assert text.train.tolist() == [0, 1, 2, 0, 3, 4, 4, 0, 3, 5, 4]
    assert text.valid.tolist() == [0, 3, 4]
    assert {text.train.dtype, text.valid.dtype, text.test.dtype} == {
        np.dtype("int32")
    }
    assert text.name == str(tmp_path)


def test_every_line_ends_with_eos_also_a_blank_or_an_unfinished_one(tmp_path):
    text = corpus.load(write(tmp_path, valid="dog\n\n \ncat"))
    expected = "dog <eos> <eos> <eos> cat <eos>".split()
    assert words(text, "valid") == expected


def test_words_outside_the_training_text_become_unk(tmp_path):
    text = corpus.load(write(tmp_path))
    assert words(text, "test") == ["the", "<unk>", "sleeps", "<eos>"]


def test_without_unk_in_the_training_text_it_is_added_and_said(tmp_path):
    write(tmp_path, train="a b\n", valid="a\nb\na c\n", test="a d d\n")
    text = corpus.load(tmp_path)
    assert text.vocabulary == ("a", "b", "<eos>", "<unk>")
    assert words(text, "valid") == "a <eos> b <eos> a <unk> <eos>".split()
    assert text.unknown == {"train": 0, "valid": 1, "test": 2}
    assert text.note.startswith(
        "Became <unk>: 0 of the 3 words of train, 1 of the 7 words of valid, "
        "2 of the 4 words of test. The training text has no <unk>"
    )


def test_a_text_that_is_complete_gets_no_unk_and_no_note(tmp_path):
    text = corpus.load(write(tmp_path, train="a b\n", valid="a\n", test="b\n"))
    assert text.vocabulary == ("a", "b", "<eos>")
    assert text.note == ""


def test_the_published_form_that_has_unk_is_read_without_a_note(tmp_path):
    text = corpus.load(write(tmp_path, test="the <unk> sleeps\n"))
    assert set(text.unknown.values()) == {0}
    assert text.note == ""


def test_rare_words_become_unk_in_all_parts(tmp_path):
    write(
        tmp_path,
        train="a b a c\nb a d\n",
        valid="a c\n",
        test="d e b\n",
    )
    text = corpus.load(tmp_path, min_count=2)
    # In the order of the text, `<unk>` where the first rare word stands, and
    # `<eos>`, which is not counted.
    assert text.vocabulary == ("a", "b", "<unk>", "<eos>")
    assert words(text, "train") == ("a b a <unk> <eos> b a <unk> <eos>".split())
    assert words(text, "valid") == ["a", "<unk>", "<eos>"]
    assert words(text, "test") == ["<unk>", "<unk>", "b", "<eos>"]
    assert text.unknown == {"train": 2, "valid": 1, "test": 2}
    assert "learn" not in text.note  # the training text has it
    assert corpus.load(tmp_path, min_count=1).vocabulary == (
        *("a", "b", "c", "<eos>", "d"),
        "<unk>",
    )


@pytest.mark.parametrize("min_count", [0, -1, 1.5, "2"])
def test_a_count_that_is_none_is_refused(tmp_path, min_count):
    with pytest.raises(ValueError, match="min_count="):
        corpus.load(write(tmp_path), min_count=min_count)


def test_a_count_that_leaves_no_word_is_refused(tmp_path):
    with pytest.raises(ValueError, match="min_count=9.*occurs 3 times"):
        corpus.load(write(tmp_path), min_count=9)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_texts_with_a_byte_order_mark_are_read(tmp_path, encoding):
    expected = corpus.load(write(tmp_path / "a"))
    encoded = {part: text.encode(encoding) for part, text in TEXTS.items()}
    text = corpus.load(write(tmp_path / "b", **encoded))
    assert text.vocabulary == expected.vocabulary
    assert text.train.tolist() == expected.train.tolist()


def test_utf_16_without_its_mark_is_refused_with_the_remedy(tmp_path):
    write(tmp_path, valid="the dog\n".encode("utf-16-le"))
    with pytest.raises(ValueError, match=r"iconv.*valid\.txt' with bytes 0"):
        corpus.load(tmp_path)


def test_lines_that_end_in_a_carriage_return_alone_are_lines(tmp_path):
    text = corpus.load(write(tmp_path, valid=b"the\rdog\r"))
    assert words(text, "valid") == ["the", "<eos>", "dog", "<eos>"]


def test_a_single_file_is_refused_with_what_is_expected(tmp_path):
    path = tmp_path / "book.txt"
    path.write_text("once upon a time\n")
    with pytest.raises(ValueError, match=r"train\.txt.*divide.*book\.txt'"):
        corpus.load(path)
    with pytest.raises(FileNotFoundError, match=r"with \['book\.txt'\]"):
        corpus.load(tmp_path)


def test_line_ends_byte_order_mark_and_rare_spaces_change_nothing(tmp_path):
    text = corpus.load(
        write(
            tmp_path, train=b"\xef\xbb\xbfthe\r\ncat\xe2\x80\xa8dog <unk>\r\n"
        )
    )
    assert words(text, "train") == "the <eos> cat dog <unk> <eos>".split()


def test_text_that_is_not_utf_8_is_an_error_with_its_place(tmp_path):
    write(tmp_path, valid=b"the\ndog \xff\n")
    message = r"UTF-8.*valid\.txt' with the byte 0xff in line 2"
    with pytest.raises(ValueError, match=message):
        corpus.load(tmp_path)


@pytest.mark.parametrize("empty", ["", "\n \n"])
@pytest.mark.parametrize("part", corpus.PARTS)
def test_an_empty_file_is_an_error(tmp_path, part, empty):
    write(tmp_path, **{part: empty})
    with pytest.raises(ValueError, match=rf"one word.*{part}\.txt"):
        corpus.load(tmp_path)


def test_a_missing_file_is_an_error(tmp_path):
    (write(tmp_path) / "valid.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"without \['valid.txt'\]"):
        corpus.load(tmp_path)


def test_an_unknown_name_lists_what_is_close(tmp_path):
    with pytest.raises(ValueError, match=r"'topics'.*folder.*\['wikitext-2'\]"):
        corpus.load("wikitext2")


@pytest.mark.parametrize("name", ["topics", "."])
def test_data_dir_is_refused_where_it_has_no_effect(tmp_path, name):
    with pytest.raises(ValueError, match="data_dir"):
        corpus.load(name, data_dir=tmp_path)


def test_ids_cannot_be_overwritten(tmp_path):
    text = corpus.load(write(tmp_path))
    with pytest.raises(ValueError, match="read-only"):
        text.train[0] = 1


def test_published_texts_are_read_where_they_lie(tmp_path, no_server):
    inside = corpus.load("ptb", write(tmp_path / "a"))
    below = corpus.load("ptb", write(tmp_path / "b" / "ptb").parent)
    assert inside.name == below.name == "ptb"
    assert words(inside, "train") == words(below, "train")
    assert len(inside.train) == 11


def test_an_incomplete_data_dir_is_not_completed_from_elsewhere(
    tmp_path, server
):
    (write(tmp_path / "mine") / "test.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"without \['test.txt'\]"):
        corpus.load("ptb", tmp_path / "mine")


def test_a_published_text_is_downloaded_once(tmp_path, server):
    first = corpus.load("ptb", tmp_path / "cache")
    stored = sorted(p.name for p in (tmp_path / "cache" / "ptb").iterdir())
    assert stored == ["test.txt", "train.txt", "valid.txt"]
    for part in corpus.PARTS:
        (server / f"{part}.txt").unlink()
    second = corpus.load("ptb", tmp_path / "cache")
    assert words(first, "train") == words(second, "train")
    assert first.vocabulary_size == 6


def test_the_default_cache_lies_in_the_home_folder(
    tmp_path, server, monkeypatch
):
    monkeypatch.setattr(
        pathlib.Path,
        "expanduser",
        lambda path: tmp_path / str(path).removeprefix("~/"),
    )
    corpus.load("ptb")
    assert (tmp_path / ".cache/darts_tf/ptb/train.txt").is_file()


def test_an_interrupted_download_goes_on_with_the_missing_files(
    tmp_path, server
):
    (server / "test.txt").rename(server / "hidden")
    with pytest.raises(ConnectionError, match="404.*--corpus=topics"):
        corpus.load("ptb", tmp_path / "cache")
    (server / "hidden").rename(server / "test.txt")
    (server / "train.txt").unlink()
    assert corpus.load("ptb", tmp_path / "cache").vocabulary_size == 6


def test_a_wrong_checksum_names_both_and_keeps_nothing(tmp_path, server):
    (server / "train.txt").write_text("another text\n")
    expected = hashlib.sha256(TEXTS["train"].encode()).hexdigest()
    received = hashlib.sha256(b"another text\n").hexdigest()
    message = rf"train\.txt.*{expected}.*Received: {received}"
    with pytest.raises(ValueError, match=message):
        corpus.load("ptb", tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_without_a_network_the_offline_choices_are_named(tmp_path, no_server):
    message = r"Cannot download.*--corpus=topics.*folder with train\.txt"
    with pytest.raises(OSError, match=message):
        corpus.load("ptb", tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_a_host_that_falls_silent_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(download, "_TIMEOUT", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/train.txt"
        with pytest.raises(ConnectionError, match="timed out"):
            download.fetch(url, tmp_path / "train.txt", "", "")


def test_a_body_that_ends_early_is_not_stored(tmp_path, monkeypatch):
    class _Short(_Handler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"half")

    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with http.server.HTTPServer(("127.0.0.1", 0), _Short) as httpd:
        thread = threading.Thread(target=httpd.handle_request)
        thread.start()
        url = f"http://127.0.0.1:{httpd.server_port}/train.txt"
        digest = hashlib.sha256(b"half").hexdigest()
        with pytest.raises(ConnectionError, match="IncompleteRead"):
            download.fetch(url, tmp_path / "train.txt", digest, "")
        thread.join()
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_no_file_behind(tmp_path, server, monkeypatch):
    def fail(descriptor):
        raise OSError("No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="No space"):
        corpus.load("ptb", tmp_path / "cache")
    assert not list((tmp_path / "cache" / "ptb").iterdir())


def test_the_published_sources_have_a_checksum_for_each_part():
    for source in corpus.SOURCES.values():
        assert source.url.count("{part}") == 1
        assert set(source.sha256) == set(corpus.PARTS)
        digests = {int(digest, 16) for digest in source.sha256.values()}
        assert len(digests) == 3
        assert {len(digest) for digest in source.sha256.values()} == {64}


def test_the_text_of_python_is_enough_for_a_try():
    text = corpus.load("topics")
    sizes = [len(text.train), len(text.valid), len(text.test)]
    total = sum(sizes)
    # What whole topics allow; the longest of 79 has an eighth of the tokens.
    np.testing.assert_allclose(
        np.array(sizes) / total, [0.8, 0.1, 0.1], atol=0.02
    )
    assert 50_000 < total < 200_000
    assert 1_000 < text.vocabulary_size < 5_000
    counts = np.bincount(text.train, minlength=text.vocabulary_size)
    assert counts.min() >= 2
    assert {"<unk>", "<eos>", "the", "statement"} <= set(text.vocabulary)


def test_the_text_of_python_is_split_the_same_way_each_time():
    first, second = corpus.load("topics"), corpus.load("topics")
    for part in corpus.PARTS:
        np.testing.assert_array_equal(
            getattr(first, part), getattr(second, part)
        )


def test_the_parts_of_the_text_of_python_share_no_long_passage():
    text = corpus.load("topics")
    length = 60  # tokens; shorter passages may well occur twice
    windows = {
        part: {
            tuple(ids[start : start + length].tolist())
            for start in range(len(ids) - length)
        }
        for part, ids in [("train", text.train), ("valid", text.valid)]
    }
    shared = windows["train"] & windows["valid"]
    assert len(shared) < 0.01 * len(windows["valid"])
