"""Files without pickle: what goes in comes out, and what is no saved file is refused."""

import ast
import errno
import json
import os
import re
import struct
import sys
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import skmicro
from skmicro import persistence
from skmicro._files import atomic_path
from skmicro.descriptors import BaseDescriptor, TwoPointCorrelation, VolumeFraction
from skmicro.generators import GIN, WGANGP, InvNetGenerator
from skmicro.images import PhaseEncoder
from skmicro.persistence import FORMAT_VERSION, NotASavedFileError, read_tree, write_tree

ARRAYS = [
    *(np.array([[0, 1, 2], [3, 4, 5]]).astype(kind) for kind in "?bBhHiIlLefd"),
    np.array(2.5),
    np.zeros((0, 3), np.float32),
    np.arange(12).reshape(3, 4).T[::2],
    np.array([1, 258], ">i4"),
    np.array(["p1", "area"]),
    np.array([["x0", "x1"], ["x2", "long name"]], dtype=object),
]
VALUES = [
    None,
    True,
    0,
    -(2**70),
    0.1,
    float("inf"),
    "",
    "grün\n\0",
    (),
    [],
    {},
    (1, [2, (3,)], None),
    {"a": {"b": [{"c": (1.5,)}]}},
    {0: "zero", -1: "minus one", (1, 2): "pair", None: "none"},
    {"list": [1], "object": "no object", "array": "000000"},
    np.dtype(np.uint8),
    np.dtype(">f8"),
]
SCALARS = [np.float64(0.1), np.float32(0.1), np.int8(-3), np.uint64(2**63), np.bool_(True)]


def round_trip(value, path):
    write_tree(path, {"value": value})
    return read_tree(path)["value"]


def header_of(tree):
    """The JSON text that a tree becomes."""
    return json.dumps(persistence._pack(tree, {}))


def write_foreign(path, metadata, tensors=None):
    save_file(tensors or {"000000": torch.zeros(2)}, path, metadata=metadata)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file.skm"


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_plain_values(value, path):
    result = round_trip(value, path)
    assert result == value
    assert type(result) is type(value)


def test_not_a_number(path):
    result = round_trip([float("nan"), np.float64("nan")], path)
    assert np.isnan(result).all()


@pytest.mark.parametrize("value", SCALARS, ids=repr)
def test_numpy_scalars_keep_their_type(value, path):
    result = round_trip(value, path)
    assert result == value
    assert result.dtype == value.dtype


@pytest.mark.parametrize("array", ARRAYS, ids=lambda a: f"{a.dtype}{a.shape}")
def test_arrays_keep_values_shape_and_type(array, path):
    result = round_trip(array, path)
    assert isinstance(result, np.ndarray)
    assert result.dtype.newbyteorder("=") == array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(result, array)
    assert result.shape == array.shape


@pytest.mark.parametrize(
    "dtype", [torch.float32, torch.float64, torch.bfloat16, torch.int64, torch.uint8, torch.bool]
)
def test_tensors_keep_values_and_type(dtype, path):
    tensor = torch.arange(6).reshape(2, 3).T.to(dtype)
    result = round_trip(tensor, path)
    assert isinstance(result, torch.Tensor)
    torch.testing.assert_close(result, tensor, rtol=0, atol=0)


def test_tensors_that_share_memory_and_need_gradients(path):
    weights = torch.nn.Linear(3, 2).weight
    result = round_trip([weights, weights[0], weights.T], path)
    for loaded, tensor in zip(result, [weights, weights[0], weights.T], strict=True):
        torch.testing.assert_close(loaded, tensor.detach(), rtol=0, atol=0)
        assert not loaded.requires_grad


def test_named_tuples_become_tuples(path):
    assert round_trip(namedtuple("Pair", "a b")(1, 2), path) == (1, 2)


def test_loaded_arrays_can_be_written_to(path):
    result = round_trip(np.zeros(3), path)
    result += 1
    np.testing.assert_array_equal(result, 1.0)


def test_objects_of_the_library(path):
    encoder = round_trip(PhaseEncoder(np.array([3, 7], np.int16), np.int16), path)
    assert isinstance(encoder, PhaseEncoder)
    np.testing.assert_array_equal(encoder.phases, [3, 7])
    assert encoder.dtype == np.int16


class Unknown:
    pass


@pytest.mark.parametrize(
    "value",
    [
        Unknown(), len, lambda x: x, {1, 2}, b"bytes", 1j, slice(3), np.array([1j]),
        np.array([Unknown()]), np.array(["2026-01-01"], "datetime64[D]"), torch.nn.Linear(2, 2),
    ],
    ids=lambda v: type(v).__name__,
)  # fmt: skip
def test_unknown_objects_are_refused_and_leave_no_file(value, tmp_path):
    with pytest.raises(TypeError, match="Cannot save"):
        write_tree(tmp_path / "file.skm", {"a": [1, value]})
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_keeps_the_old_file(path, monkeypatch):
    write_tree(path, {"value": 1})

    def fail(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match=f"No space left on device: '{path}'") as caught:
        write_tree(path, {"value": 2})
    assert caught.value.errno == errno.ENOSPC
    assert read_tree(path) == {"value": 1}
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix", reason="open files cannot be replaced elsewhere")
def test_a_file_is_replaced_only_when_the_block_ends(path):
    path.write_text("old")
    with path.open() as reader:
        with atomic_path(path) as temporary:
            temporary.write_text("new")
            assert path.read_text() == "old"
            assert temporary.parent == path.parent
        assert reader.read() == "old"
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix", reason="file modes are those of POSIX")
@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_files_have_the_mode_of_any_new_file(path, umask):
    before = os.umask(umask)
    try:
        write_tree(path, {"value": 1})
        assert path.stat().st_mode & 0o777 == 0o666 & ~umask
    finally:
        os.umask(before)


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"path must be an existing file.*none\.skm"):
        skmicro.load(tmp_path / "none.skm")
    with pytest.raises(FileNotFoundError, match="path must be an existing file"):
        skmicro.load(tmp_path)
    with pytest.raises(FileNotFoundError, match="path must lie in an existing folder"):
        write_tree(tmp_path / "none" / "file.skm", {})


@pytest.mark.parametrize("path", [3, None, 0.5, b"file", ["file"]])
def test_what_is_no_path_is_named(path):
    images = np.zeros((1, 4, 4), int)
    message = f"^path must be a path, got {re.escape(repr(path))}\\.$"
    with pytest.raises(TypeError, match=message):
        skmicro.load(path)
    with pytest.raises(TypeError, match=message):
        VolumeFraction().fit(images).save(path)


def test_files_are_not_written_in_place_of_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    descriptor = VolumeFraction().fit(np.zeros((1, 4, 4), int))
    for path in ("folder", tmp_path / "folder", "", "."):
        with pytest.raises(IsADirectoryError, match="path must name a file, got folder"):
            descriptor.save(path)
    assert [item.name for item in tmp_path.rglob("*")] == ["folder"]


@pytest.mark.parametrize("path", ["", ".", "folder"])
def test_checkpoints_that_name_no_file(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    generator = InvNetGenerator.light(checkpoint=path, n_iter=1, device="cpu")
    with pytest.raises(ValueError, match=f"^checkpoint must name a file .*got '{path}'"):
        generator.fit(np.eye(8, dtype=int)[None].repeat(3, axis=0))


@pytest.mark.parametrize("content", [b"", b"\x80\x04K\x01.", b"PK\x03\x04" * 99, bytes(4096)])
def test_foreign_files(path, content):
    path.write_bytes(content)
    with pytest.raises(NotASavedFileError, match="not a file saved by skmicro"):
        read_tree(path)


@pytest.mark.parametrize("kept", [7, 100, 0.5, -1])
def test_truncated_files(path, kept):
    write_tree(path, {"value": np.arange(1000.0)})
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content)) if isinstance(kept, float) else kept])
    with pytest.raises(NotASavedFileError):
        read_tree(path)


def test_every_damaged_byte_of_the_header_is_noticed_or_harmless(path):
    write_tree(path, {"value": [np.arange(3), {"a": (1, np.float32(2))}, np.dtype("f4")]})
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    noticed = 0
    for position in range(8 + length):
        damaged = bytearray(content)
        damaged[position] ^= 0x05
        path.write_bytes(bytes(damaged))
        try:
            read_tree(path)
        except NotASavedFileError:
            noticed += 1
    assert noticed > length / 2


@pytest.mark.parametrize(
    "metadata",
    [
        {"format": "pt"},
        {"skmicro": "{}"},
        {"skmicro": "null", "version": "new"},
        {"skmicro": "{", "version": "1"},
        {"skmicro": "{}", "version": "1"},
        {"skmicro": '{"pickle": "x"}', "version": "1"},
        {"skmicro": '{"array": "000001"}', "version": "1"},
        {"skmicro": '{"scalar": "<x9", "value": 1}', "version": "1"},
        {"skmicro": '{"dict": [1]}', "version": "1"},
        {"skmicro": '{"object": "PhaseEncoder", "module": "skmicro.images"}', "version": "1"},
        {"skmicro": '{"object": ["PhaseEncoder"], "state": {"dict": []}}', "version": "1"},
        {
            "skmicro": '{"object": "PhaseEncoder", "module": "skmicro.images", "state": 3}',
            "version": "1",
        },
    ],
    ids=str,
)
def test_other_safetensors_files(path, metadata):
    write_foreign(path, metadata)
    with pytest.raises(NotASavedFileError):
        read_tree(path)


def test_files_of_a_newer_version(path):
    write_foreign(path, {"skmicro": header_of({}), "version": str(FORMAT_VERSION + 1)})
    with pytest.raises(NotASavedFileError, match=f"format version {FORMAT_VERSION + 1}.*up to"):
        read_tree(path)


def test_load_wants_an_estimator(path):
    write_tree(path, {"value": 1})
    with pytest.raises(NotASavedFileError, match="does not hold an estimator"):
        skmicro.load(path)


@pytest.mark.parametrize("name", ["Fraction", "fractions.Fraction", "this", "os.system", "Popen"])
def test_a_class_that_is_no_part_of_the_library_is_refused_and_not_imported(path, name):
    state = {"object": name, "state": {"dict": []}}
    header = json.dumps({"dict": [["estimator", state]]})
    write_foreign(path, {"skmicro": header, "version": "1"})
    before = set(sys.modules)
    with pytest.raises(NotASavedFileError, match=f"holds a {name}, which is no class known here"):
        skmicro.load(path)
    assert set(sys.modules) == before
    assert "this" not in sys.modules


def test_a_class_of_the_user_is_named_with_its_module(path):
    class Darkness(BaseDescriptor):
        name = "darkness"

        def __init__(self, image_shape=None):
            self.image_shape = image_shape

        def _describe(self, images):
            return images[:, 0].flatten(1).mean(dim=1, keepdim=True)

        def _feature_names(self):
            return ["darkness"]

    generator = GIN.light(invariances=("darkness",), n_iter=1, width=4, batch_size=2)
    generator.fit(np.eye(8, dtype=int)[None]).save(path)
    assert isinstance(skmicro.load(path).conditions_.measured[0], Darkness)
    Darkness.__qualname__ = Darkness.__name__ = "Brightness"  # as if it was not imported
    message = rf"holds a .*Darkness of .* no class known here; import its module first: {__name__}"
    with pytest.raises(NotASavedFileError, match=message):
        skmicro.load(path)


def test_nothing_imports_pickle():
    for source in Path(skmicro.__file__).parent.rglob("*.py"):
        names = [
            alias.name if isinstance(node, ast.Import) else node.module or ""
            for node in ast.walk(ast.parse(source.read_text()))
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for alias in node.names
        ]
        roots = {name.split(".")[0] for name in names}
        assert not roots & {"pickle", "cloudpickle", "dill", "shelve", "marshal"}, source


def test_torch_reads_files_of_others_as_weights_only_and_writes_none():
    reading = "torch.load(path, map_location='cpu', weights_only=True)"
    for source in Path(skmicro.__file__).parent.rglob("*.py"):
        nodes = list(ast.walk(ast.parse(source.read_text())))
        read = [ast.unparse(node) for node in nodes if isinstance(node, ast.Call)]
        named = [ast.unparse(node) for node in nodes if isinstance(node, ast.Attribute)]
        assert "torch.save" not in named, source
        assert named.count("torch.load") == read.count(reading), source


def test_an_estimator_inside_an_estimator(path):
    rng = np.random.default_rng(0)
    X = rng.integers(1, 3, (6, 8, 8))
    curve = TwoPointCorrelation(phase=1, normalized="fraction", max_lag=3)
    generator = InvNetGenerator(
        invariances=["p1", curve], architecture="light", n_latent=2, width=4, n_iter=1,
        batch_size=4, n_critic=1, random_state=0, device="cpu",
    ).fit(X)  # fmt: skip
    generator.save(path)
    loaded = skmicro.load(path)
    assert repr(loaded) == repr(generator)
    assert loaded.invariances[1].get_params() == curve.get_params()
    np.testing.assert_array_equal(loaded.conditions_.describe(X), generator.conditions_.describe(X))
    np.testing.assert_array_equal(
        loaded.sample(3, random_state=0, p1=0.5), generator.sample(3, random_state=0, p1=0.5)
    )


def test_feature_names_of_a_data_frame(path):
    pandas = pytest.importorskip("pandas", reason="pandas is optional")
    X = np.random.default_rng(0).integers(0, 2, (5, 6))
    frame = pandas.DataFrame(X, columns=[f"voxel {k}" for k in range(6)])
    descriptor = VolumeFraction(image_shape=(2, 3)).fit(frame)
    descriptor.save(path)
    loaded = skmicro.load(path)
    np.testing.assert_array_equal(loaded.feature_names_in_, frame.columns)
    np.testing.assert_array_equal(loaded.transform(frame), descriptor.transform(frame))


def test_an_unfitted_estimator(path):
    VolumeFraction(phase=np.int64(3)).save(path)
    loaded = skmicro.load(path)
    assert loaded.get_params() == {"phase": 3, "phases": None, "image_shape": None}
    assert not hasattr(loaded, "phases_")


def test_networks_come_back_in_their_precision(tmp_path):
    settings = {"n_iter": 1, "width": 4, "n_latent": 2, "batch_size": 4, "device": "cpu"}
    images = np.random.default_rng(0).integers(0, 2, (6, 8, 8))
    generator = WGANGP.light(**settings, precision="float64", random_state=0).fit(images)
    generator.save(tmp_path / "double.skm")
    loaded = skmicro.load(tmp_path / "double.skm").generator_
    for name, weights in generator.generator_.state_dict().items():
        assert weights.dtype in (torch.float64, torch.int64), name
        again = loaded.state_dict()[name]
        assert again.dtype == weights.dtype
        assert torch.equal(again, weights)
