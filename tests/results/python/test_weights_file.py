"""Weights and batch files between h5py, as PyTorch users write them, and the program."""
import h5py
import numpy as np
import pytest
from conftest import sample

MODEL = "variant = \"mamba\"\nd = 4\nvocab = 7\n"


def write(path, model=MODEL, **arrays):
    with h5py.File(path, "w") as file:
        if model is not None:
            file.attrs["model"] = model
        for name, values in arrays.items():
            file[name] = values


def refusal(*words):
    done = sample(*words)
    assert done.returncode == 1
    return done.stderr


def test_a_state_dict_comes_back_with_its_names_shapes_and_bits(tmp_path):
    random = np.random.default_rng(0)
    weights = {
        "backbone.embedding.weight": random.normal(size=(7, 4)).astype(np.float32),
        "backbone.layers.0.mixer.conv1d.weight": random.normal(size=(8, 1, 2)).astype(np.float32),
        "backbone.layers.0.mixer.A_log": random.normal(size=(8, 16)),
        "lm_head.bias": np.zeros(7, np.float32),
        "half": np.array([0.5, 1.25], np.float16),
        "whole": np.arange(3),
        "scalar": np.float32(2.5),
    }
    write(tmp_path / "in.h5", **weights)
    assert sample("weights", tmp_path / "in.h5", tmp_path / "out.h5").returncode == 0
    with h5py.File(tmp_path / "out.h5") as file:
        assert file.attrs["model"] == MODEL
        assert sorted(file) == sorted(name.removeprefix("backbone.") for name in weights)
        for name, values in weights.items():
            read = file[name.removeprefix("backbone.")]
            assert read.shape == np.shape(values) and np.array_equal(read[()], values), name
        assert file["embedding.weight"].dtype == np.float32, "single precision where that loses nothing"
        assert file["layers.0.mixer.A_log"].dtype == np.float64


def test_a_model_text_of_fixed_length_is_read(tmp_path):
    write(tmp_path / "in.h5", model=np.bytes_(MODEL), w=np.ones(2))
    assert sample("weights", tmp_path / "in.h5", tmp_path / "out.h5").returncode == 0
    with h5py.File(tmp_path / "out.h5") as file:
        assert file.attrs["model"] == MODEL


def test_what_is_wrong_with_a_weights_file_is_said(tmp_path):
    path, out = tmp_path / "in.h5", tmp_path / "out.h5"
    assert "does not exist" in refusal("weights", path, out)
    path.write_text("no HDF5")
    assert "cannot be read as HDF5" in refusal("weights", path, out)
    write(path, model=None, w=np.ones(2))
    assert "model: the root attribute is missing" in refusal("weights", path, out)
    write(path)
    assert "holds no weights" in refusal("weights", path, out)
    write(path, words=np.array([b"a", b"b"]))
    assert "words: does not hold numbers" in refusal("weights", path, out)
    write(path, **{"w": np.ones(2), "backbone.w": np.ones(2)})
    assert "w: is there twice" in refusal("weights", path, out)
    write(path, **{"group/w": np.ones(2)})
    assert "group: is a group" in refusal("weights", path, out)
    assert not out.exists()


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint8])
def test_batches_are_read(tmp_path, dtype):
    tokens = np.array([[1, 2, 3], [4, 5, 6]], dtype)
    write(tmp_path / "in.h5", tokens=tokens, targets=np.array([[-100, 2, -100], [1, -100, 0]]))
    done = sample("batch", tmp_path / "in.h5")
    assert done.stdout == "2 3\n1 2 3 4 5 6 \n-100 2 -100 1 -100 0 \n"


def test_what_is_wrong_with_a_batch_is_said(tmp_path):
    path = tmp_path / "in.h5"
    good = np.ones((2, 3), np.int32)
    write(path, tokens=good)
    assert "targets: is missing" in refusal("batch", path)
    write(path, tokens=good, targets=np.ones((2, 4), np.int32))
    assert "targets: has the shape [2, 4], expected that of tokens, [2, 3]" in refusal("batch", path)
    write(path, tokens=np.ones((2, 3)), targets=good)
    assert "tokens: holds real numbers of shape [2, 3], expected integers of shape [batch, T]" in refusal("batch", path)
    write(path, tokens=np.ones(3, np.int32), targets=good)
    assert "tokens: holds integers of shape [3], expected integers of shape [batch, T]" in refusal("batch", path)
    write(path, tokens=np.full((2, 3), 2**40), targets=good)
    assert "tokens: row 0, position 0: found 1099511627776, expected a token from 0 on" in refusal("batch", path)
    bad = good.copy()
    bad[1, 2] = -1
    write(path, tokens=good, targets=bad)
    assert "targets: row 1, position 2: found -1, expected a label from 0 on, or -100 where nothing is asked" in refusal("batch", path)
    numbers = np.zeros((2, 3, 4))
    write(path, inputs=numbers)
    assert "values: is missing" in refusal("batch", path)
    write(path, inputs=numbers, values=np.zeros((2, 4, 1)))
    assert "values: has the shape [2, 4, 1], expected that of inputs, [2, 3, 4]" in refusal("batch", path)
    write(path, inputs=np.where(np.arange(24).reshape(2, 3, 4) == 18, np.inf, 0.0), values=np.zeros((2, 1)))
    assert "inputs: row 1, position 1: found inf, expected a number" in refusal("batch", path)
    write(path, inputs=numbers, values=np.array([[0, np.nan], [0, 0]]))
    assert "values: row 0, position 2: expected numbers, or not-a-number in all outputs" in refusal("batch", path)
    write(path, inputs=numbers, tokens=good, targets=good)
    assert "holds tokens and inputs, expected one of them" in refusal("batch", path)


@pytest.mark.parametrize("bits", [32, 64])
def test_arrays_are_written_under_their_names(tmp_path, bits):
    assert sample("arrays", tmp_path / "out.h5", bits).returncode == 0
    dtype = np.dtype(f"float{bits}")
    with h5py.File(tmp_path / "out.h5") as file:
        logits = np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]]).astype(dtype)
        assert file["logits"].dtype == dtype and np.array_equal(file["logits"][()], logits)
        assert file["loss"].shape == () and file["loss"][()] == dtype.type(0.7)
        assert file["gradients/embedding.weight"][()].tolist() == [1.5, -2.5]
