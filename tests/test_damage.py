"""Damage of models and checkpoints is seen, and told by one kind of error that names the file."""

import copy
import json

import numpy as np
import pytest
import torch
from cases import case
from safetensors.torch import load_file, save_file
from saved import IMAGES, TINY, fitted, peak, places_in

import skmicro
from skmicro._tensors import digest_of, read_tensors, write_tensors
from skmicro.descriptors import VolumeFraction
from skmicro.exceptions import NotASavedFileError, OldFileWarning
from skmicro.generators import WGANGP
from skmicro.persistence import read_tree, write_tree


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file.skm"


@pytest.fixture(scope="module")
def generator():
    return fitted()


@pytest.fixture(scope="module")
def saved_training(tmp_path_factory):
    """The bytes of a checkpoint."""
    path = tmp_path_factory.mktemp("training") / "training.skm"
    fitted(checkpoint=path)
    return path.read_bytes()


def resume(path, n_iter=4):
    return fitted(n_iter=n_iter, checkpoint=path)


def as_written_before(path):
    """Make a file one of the first version, without digest."""
    tensors, metadata = read_tensors(path)
    write_tensors(path, tensors, {"skmicro": metadata["skmicro"], "version": "1"})


def test_safetensors_reads_what_is_written_and_the_other_way_round(path):
    tensors = {
        str(dtype): torch.arange(k + 6).to(dtype).reshape(1, -1)
        for k, dtype in enumerate(
            [torch.bool, torch.uint8, torch.int16, torch.bfloat16, torch.float64, torch.uint64]
        )
    } | {"empty": torch.zeros(0, 3), "scalar": torch.tensor(2.5)}
    write_tensors(path, tensors, {"text": "ä"})
    others = load_file(path)
    save_file(tensors, path, metadata={"text": "ä"})
    ours, metadata = read_tensors(path)
    assert metadata == {"text": "ä"}
    for name, tensor in tensors.items():
        for again in (others[name], ours[name]):
            assert again.dtype == tensor.dtype
            assert again.shape == tensor.shape
            assert torch.equal(again, tensor)


@pytest.mark.parametrize(
    "header",
    [
        [],
        {"__metadata__": 3},
        {"a": 3},
        {"a": {}},
        {"a": {"dtype": "F99", "shape": [2], "data_offsets": [0, 8]}},
        {"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}},
        {"a": {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}},
        {"a": {"dtype": "F32", "shape": [2.0], "data_offsets": [0, 8]}},
        {"a": {"dtype": "F32", "shape": "2", "data_offsets": [0, 8]}},
        {"a": {"dtype": "F32", "shape": [10**6, 10**6], "data_offsets": [0, 4 * 10**12]}},
        {"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}},
        {
            "a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
            "b": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
        },
    ],
    ids=str,
)
def test_headers_that_do_not_fit_the_file(path, header):
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(8))
    with pytest.raises(NotASavedFileError, match=f"{path} is not a file saved by skmicro"):
        read_tree(path)


def test_every_flipped_bit_is_told(path, generator):
    generator.save(path)
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    for position in [*range(0, 300, 7), *rng.integers(len(content), size=60)]:
        damaged = bytearray(content)
        damaged[position] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        with case(position), pytest.raises(NotASavedFileError, match=str(path)):
            skmicro.load(path)
    path.write_bytes(content)
    skmicro.load(path)


def test_exchanged_and_changed_tensors_are_told_and_let_through_when_asked(path, generator):
    generator.save(path)
    tensors, metadata = read_tensors(path)
    a, b = next(
        (a, b)
        for a in tensors
        for b in tensors
        if a < b
        and tensors[a].shape == tensors[b].shape
        and tensors[a].dtype == tensors[b].dtype == torch.float32
        and not torch.equal(tensors[a], tensors[b])
    )
    write_tensors(path, tensors | {a: tensors[b], b: tensors[a]}, metadata)
    with pytest.raises(NotASavedFileError, match=f"{path}: .* another digest than its content"):
        skmicro.load(path)
    assert isinstance(skmicro.load(path, verify=False), WGANGP)
    write_tensors(path, tensors, {k: v for k, v in metadata.items() if k != "digest"})
    with pytest.raises(NotASavedFileError, match=str(path)):
        skmicro.load(path)
    with pytest.raises(TypeError):
        skmicro.load(path, False)


def test_a_digest_depends_on_all_that_a_file_holds():
    tensors = {"a": torch.tensor([1.0, 0.0]), "b": torch.tensor([0.0, 0.0])}
    digests = [
        digest_of(tensors, "text"),
        digest_of(tensors, "texts"),
        digest_of(tensors, "te", "xt"),
        digest_of({"a": tensors["b"], "b": tensors["a"]}, "text"),
        digest_of(tensors | {"b": torch.tensor([0, 0], dtype=torch.int32)}, "text"),
        digest_of(tensors | {"b": torch.tensor([[0.0, 0.0]])}, "text"),
        digest_of(tensors | {"a": torch.tensor([1.0, -0.0])}, "text"),
    ]
    assert len(set(digests)) == len(digests)
    assert digest_of(dict(reversed(tensors.items())), "text") == digests[0]
    assert digest_of({"a": np.ones(1)}) == digest_of({"a": torch.ones(1, dtype=torch.float64)})


def test_files_without_digest_load_with_a_warning(path, generator):
    generator.save(path)
    as_written_before(path)
    with pytest.warns(OldFileWarning, match=f"{path} was written before files had a digest"):
        loaded = skmicro.load(path)
    np.testing.assert_array_equal(
        loaded.sample(2, random_state=0), generator.sample(2, random_state=0)
    )


def test_a_loaded_model_is_independent_of_its_file(path, generator):
    expected = generator.sample(2, random_state=0)
    generator.save(path)
    size = path.stat().st_size
    tree, loaded = read_tree(path), skmicro.load(path)
    rows = loaded.conditions_.rows.copy()
    with open(path, "r+b") as file:  # in place, where maps of it would see it
        file.write(b"\xff" * size)
        file.truncate(10)
    np.testing.assert_array_equal(loaded.sample(2, random_state=0), expected)
    np.testing.assert_array_equal(loaded.conditions_.rows, rows)
    np.testing.assert_array_equal(tree["estimator"].sample(2, random_state=0), expected)


def test_loading_takes_little_more_than_the_state(path):
    fitted(n_iter=1, n_latent=30_000, width=8, batch_size=2).save(path)
    size = path.stat().st_size
    assert size > 3e7
    with peak() as found:
        loaded = skmicro.load(path)
    assert found[0] < 1.3 * size
    assert loaded.n_latent == 30_000


@pytest.mark.parametrize(
    "changes", [{"width": 2**40}, {"width": 50_000}, {"n_latent": 10**9}, {"n_latent": 10**15}]
)
def test_parameters_ask_for_no_more_than_the_weights_there_are(path, generator, changes):
    state = generator._persistent_state()
    made_with = state["_fitted_with"] | changes
    wrong = {name: value for name, value in (state | {"_fitted_with": made_with}).items()}
    kind = {"__module__": "skmicro.generators", "__qualname__": "WGANGP"}
    altered = type("Altered", (), kind | {"_persistent_state": lambda self: wrong})()
    write_tree(path, {"estimator": altered})
    with peak() as found, pytest.raises(NotASavedFileError, match=str(path)):
        skmicro.load(path)
    assert found[0] < 2e7


def test_layers_without_end_are_stopped():
    from skmicro.networks._build import built_of

    def factory():
        return torch.nn.ModuleList(torch.nn.Linear(1, 1) for _ in range(10**12))

    with pytest.raises(ValueError, match="more layers than there are weights"):
        built_of(factory, {"0.weight": torch.zeros(1, 1), "0.bias": torch.zeros(1)})


@pytest.mark.parametrize(
    "text",
    [
        '{"dtype": "<U100000000"}',
        '{"dtype": "V9"}',
        '{"dtype": "i4,i4"}',
        '{"dtype": "M8[s]"}',
        '{"dtype": "O"}',
        '{"scalar": "<c16", "value": 1}',
        '{"scalar": "V100000000000", "value": 1}',
        '{"objects": {"list": [1]}, "dtype": "<U9", "shape": [1]}',
        '{"objects": {"list": ["a"]}, "dtype": "V8", "shape": [1]}',
        '{"objects": {"list": ["a"]}, "dtype": "<U1", "shape": [1000000000]}',
    ],
)
def test_types_are_numbers_truth_values_and_short_texts(path, text):
    digest = digest_of({}, "2", text)
    write_tensors(path, {}, {"skmicro": text, "version": "2", "digest": digest})
    with pytest.raises(NotASavedFileError, match=str(path)):
        read_tree(path)


def test_arrays_of_text_take_no_more_than_they_hold(path):
    array = np.array(["a", "bc"], "U100000")
    write_tree(path, {"a": array})
    again = read_tree(path)["a"]
    np.testing.assert_array_equal(again, array)
    assert again.dtype == "U2"
    text = json.dumps({"objects": {"list": ["a"] * 4}, "dtype": "<U100000000", "shape": [4]})
    digest = digest_of({}, "2", text)
    write_tensors(path, {}, {"skmicro": text, "version": "2", "digest": digest})
    assert read_tree(path).dtype == "U1"


def altered_tree(tree, rng):
    """Alter one place of a tree: another value, another type, or nothing."""
    places = places_in(tree)
    node, key = places[rng.integers(len(places))]
    value = node[key]
    if isinstance(value, torch.Tensor | np.ndarray) and rng.random() < 0.7:
        node[key] = [value.reshape(-1)[:0], value * float("nan"), value.reshape(-1, 1, 1)][
            rng.integers(3)
        ]
    elif isinstance(node, dict) and rng.random() < 0.5:
        del node[key]
    else:
        node[key] = [None, "text", -1, [], {"a": 1}, np.zeros(3)][rng.integers(6)]
    now = node.get(key, "gone") if isinstance(node, dict) else node[key]
    return f"{key!r}: {value!r:.60} -> {now!r:.60}"


def raised_by(call):
    """Return the ValueError that a call ends in, if any."""
    try:
        call()
    except ValueError as error:
        return error


def test_altered_checkpoints_end_in_one_kind_of_error(path, saved_training):
    """With a right digest, so that what is altered has to be told by itself."""
    endings = {"error": 0, "other training": 0, "trained": 0}
    for trial in range(24):
        rng = np.random.default_rng(trial)
        path.write_bytes(saved_training)
        tree = read_tree(path)
        told = altered_tree(tree, rng)
        write_tree(path, tree)
        estimator = WGANGP.light(**TINY | {"n_iter": 4}, random_state=0, checkpoint=path)
        before = dict(vars(estimator))
        with case((trial, told)):
            error = raised_by(lambda: estimator.fit(IMAGES))  # noqa: B023
            if isinstance(error, NotASavedFileError):
                assert str(path) in str(error)
                assert vars(estimator) == before
                endings["error"] += 1
            elif error is not None:
                assert "belongs to another training" in str(error)
                endings["other training"] += 1
            else:  # as with other random numbers, which may be what they were
                endings["trained"] += 1
    assert endings["error"] > 10, endings


def test_flipped_bits_of_checkpoints_are_told(path, saved_training):
    rng = np.random.default_rng(0)
    for position in rng.integers(len(saved_training), size=40):
        damaged = bytearray(saved_training)
        damaged[position] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        with case(position), pytest.raises(NotASavedFileError, match=str(path)):
            resume(path)


def test_checkpoints_without_digest_go_on_with_a_warning(path, saved_training):
    path.write_bytes(saved_training)
    expected = resume(path)
    path.write_bytes(saved_training)
    as_written_before(path)
    with pytest.warns(OldFileWarning, match=str(path)):
        resumed = resume(path)
    np.testing.assert_array_equal(resumed.history_["critic"], expected.history_["critic"])


def test_a_checkpoint_of_something_else_is_told(path):
    for tree in ({"a": 1}, [1], None, {"step": 1}):
        write_tree(path, tree)
        with case(tree), pytest.raises(NotASavedFileError, match=str(path)):
            resume(path)
    VolumeFraction().save(path)
    with pytest.raises(ValueError, match="checkpoint must name a training checkpoint"):
        resume(path)


def test_fitted_attributes_of_other_values_are_refused(path, generator):
    values = [
        ("image_shape_", ()),
        ("n_features_in_", 72),
        ("n_features_in_", 64.5),
        ("periodic_", "text"),
        ("phases_", np.array([0, 2])),
        ("n_iter_", -1),
        ("history_", None),
    ]
    for name, value in values:
        changed = copy.copy(generator)
        vars(changed)[name] = value
        changed.save(path)
        with case((name, value)), pytest.raises(NotASavedFileError, match=f"{path}: .*{name}"):
            skmicro.load(path)


def test_moments_of_another_shape_are_told(path, saved_training):
    for name, value in (("exp_avg", torch.zeros(2**16)), ("step", torch.ones(2))):
        path.write_bytes(saved_training)
        tree = read_tree(path)
        kept = tree["step"]["optimizers"]["critic"]["state"][0]
        assert kept[name].shape != value.shape
        kept[name] = value
        write_tree(path, tree)
        told = f"{path}.*{name}.* of parameter 0"
        with case(name), pytest.raises(NotASavedFileError, match=told):
            resume(path)
