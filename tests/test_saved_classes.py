"""Which class a file means, and what it may say of it."""

import json
import sys
import types

import numpy as np
import pytest
from cases import case
from saved import IMAGES, TINY, fitted

import skmicro
from skmicro.descriptors import BaseDescriptor, VolumeFraction
from skmicro.exceptions import NotASavedFileError, OldFileWarning
from skmicro.generators import WGANGP, GaussianRandomField, MarkovRandomField
from skmicro.images import PhaseEncoder
from skmicro.networks import WEIGHTS
from skmicro.parameters import parameter
from skmicro.persistence import read_tree, write_tree
from skmicro.registry import Persistent, class_named, place_of, public_modules
from skmicro.regressors import CNNRegressor
from skmicro.rules import integer


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file.skm"


@pytest.fixture(scope="module")
def generator():
    return fitted()


def module_with(name, source):
    """Import a module from its source."""
    module = types.ModuleType(name)
    exec(source, vars(module))
    sys.modules[name] = module
    return module


OWN = """
from skmicro.descriptors import BaseDescriptor

class VolumeFraction(BaseDescriptor):
    "Number of voxels of the last phase."
    name = "n_voxels"

    def _describe(self, images):
        return images[:, -1].flatten(1).sum(dim=1, keepdim=True)

    def _feature_names(self):
        return ["n_voxels"]
"""


def write_altered(path, estimator, place=None, name=None, removed=(), **changes):
    """Write an estimator with changed attributes, or as another class, and a right digest."""
    state = dict(estimator._persistent_state()) | changes
    state = {key: value for key, value in state.items() if key not in removed}
    kind = type(estimator)
    attributes = {
        "__module__": kind.__module__ if place is None else place,
        "__qualname__": kind.__qualname__ if name is None else name,
        "_persistent_state": lambda self: state,
    }
    write_tree(path, {"estimator": type("Altered", (), attributes)()})


def test_classes_of_one_name_do_not_stand_for_each_other(path):
    one, two = (module_with(f"own_module_{k}", OWN) for k in (1, 2))
    for kind in (one.VolumeFraction, two.VolumeFraction, VolumeFraction):
        estimator = kind().fit(IMAGES)
        estimator.save(path)
        loaded = skmicro.load(path)
        assert type(loaded) is kind
        np.testing.assert_array_equal(loaded.transform(IMAGES), estimator.transform(IMAGES))
    one.VolumeFraction().save(path)
    one.VolumeFraction.__module__ = "elsewhere"  # as where its module is not imported
    message = "holds a VolumeFraction of module own_module_1, .*import its module first: own_mod"
    with pytest.raises(NotASavedFileError, match=message):
        skmicro.load(path)
    one.VolumeFraction._former_places = ("own_module_1.VolumeFraction",)
    assert type(skmicro.load(path)) is one.VolumeFraction


def test_a_class_that_was_defined_again_is_the_one_of_now(path):
    module = module_with("own_module_3", OWN)
    module.VolumeFraction().fit(IMAGES).save(path)
    before = module.VolumeFraction
    exec(OWN, vars(module))
    assert type(skmicro.load(path)) is module.VolumeFraction is not before


def test_classes_of_the_library_may_move_inside_their_room(path, monkeypatch):
    VolumeFraction().save(path)
    assert b'skmicro.descriptors\\"' in path.read_bytes()
    monkeypatch.setattr(VolumeFraction, "__module__", "skmicro.descriptors._elsewhere")
    assert type(skmicro.load(path)) is VolumeFraction
    assert class_named("PhaseEncoder", "skmicro.encoding") is PhaseEncoder
    assert class_named("PhaseEncoder", "skmicro.images._encoding") is PhaseEncoder
    with pytest.raises(NotASavedFileError, match="no class known here"):
        class_named("PhaseEncoder", "skmicro.descriptors")


def test_every_class_of_the_library_is_found_by_what_files_call_it():
    public_modules()
    known = [c for c in Persistent._family() if c.__module__.startswith("skmicro.")]
    assert len(known) > 50
    for kind in known:
        assert class_named(kind.__qualname__, place_of(kind)) is kind
        parts = [kind.__module__, *place_of(kind).split(".")]
        assert not any(part.startswith("_") for part in parts)


def test_names_without_a_module_are_those_of_the_library_with_a_warning():
    own = module_with("own_module_4", OWN.replace("VolumeFraction", "OwnFraction"))
    with pytest.warns(OldFileWarning, match=r"no module, taken for that of skmicro\.descriptors"):
        assert class_named("VolumeFraction", None) is VolumeFraction
    with pytest.raises(NotASavedFileError, match="import its module first, which the file does"):
        class_named("OwnFraction", None)
    assert class_named("OwnFraction", "own_module_4") is own.OwnFraction


def test_only_estimators_are_loaded(path):
    for value in (PhaseEncoder(np.arange(2), np.uint8), {"a": 1}, [VolumeFraction()], None):
        write_tree(path, {"estimator": value})
        with case(value), pytest.raises(NotASavedFileError, match="does not hold an estimator"):
            skmicro.load(path)
    write_tree(path, [VolumeFraction()])
    with pytest.raises(NotASavedFileError, match="does not hold an estimator"):
        skmicro.load(path)


def test_strange_attributes_are_refused(path, generator):
    for name in (
        "sample", "fit", "_model", "_check_parameters", "_networks", "_made", "__class__",
        "__dict__", "save", "extra", "_extra", "not a name_", "__extra_", "class", "_repr_html_",
        "_kept", "_former_places", "_metadata_request", 3,
    ):  # fmt: skip
        write_altered(path, generator, **{"changed": 1} if name == 3 else {name: 1})
        with case(name), pytest.raises(NotASavedFileError, match=rf"{path}: .*WGANGP has no attr"):
            skmicro.load(path)
    write_altered(path, generator, notes_=1)
    assert skmicro.load(path).notes_ == 1
    encoder = PhaseEncoder(np.arange(2), np.uint8)
    for name in ("encode", "n_channels", "extra"):
        vars(encoder)[name] = 1
        write_tree(path, {"encoder": encoder})
        with case(name), pytest.raises(NotASavedFileError, match=f"PhaseEncoder has no .*{name}"):
            read_tree(path)
        del vars(encoder)[name]


def test_what_a_fitted_estimator_has_is_there_or_the_file_is_refused(path, generator):
    regressor = CNNRegressor(n_iter=1, widths=(4,), random_state=0, device="cpu")
    lacking = [
        (VolumeFraction().fit(IMAGES), ("encoder_", "phases_", "image_shape_")),
        (generator, ("encoder_", "conditions_", "_flat", "_seed", "history_")),
        (GaussianRandomField().fit(IMAGES), ("_levels", "image_shape_")),
        (MarkovRandomField(random_state=0).fit(IMAGES), ("classifier_", "radii_", "_states")),
        (regressor.fit(IMAGES, np.arange(4.0)), ("_targets", "n_outputs_", "encoder_")),
    ]
    for estimator, names in lacking:
        for name in names:
            write_altered(path, estimator, removed=[name])
            with (
                case((estimator, name)),
                pytest.raises(NotASavedFileError, match=f"{path}.*{name}"),
            ):
                skmicro.load(path)
    weights = {"critic": generator.__getstate__()[WEIGHTS]["critic"]}
    write_altered(path, generator, **{WEIGHTS: weights})
    with pytest.raises(NotASavedFileError, match=f"{path}.*no network 'generator'"):
        skmicro.load(path)


def test_files_set_neither_checkpoint_nor_callbacks(path, generator, tmp_path):
    theirs = {"checkpoint": str(tmp_path / "theirs"), "callbacks": [VolumeFraction()]}
    write_altered(path, generator, **theirs)
    loaded = skmicro.load(path)
    assert loaded.checkpoint is None
    assert loaded.callbacks is None
    mine = WGANGP.light(**TINY, checkpoint=tmp_path / "mine", callbacks=[print])
    mine.save(path)
    assert skmicro.load(path).checkpoint is None
    assert mine.checkpoint == tmp_path / "mine"
    write_altered(path, generator, _skl_callbacks=[VolumeFraction()])
    assert "_skl_callbacks" not in vars(skmicro.load(path))


def test_parameters_are_checked(path, generator):
    wrong = {
        "n_iter": 0, "width": "4", "learning_rate": np.nan, "precision": "float16", "device": "no",
        "image_shape": (0, 1), "random_state": "a", "batch_size": None, "verbose": VolumeFraction(),
    }  # fmt: skip
    for name, value in wrong.items():
        write_altered(path, generator, **{name: value})
        with case(name), pytest.raises(NotASavedFileError, match=f"{path}.*WGANGP is not allowed"):
            skmicro.load(path)
    write_altered(path, generator, device="cuda:7")  # of the machine that wrote it
    assert skmicro.load(path).device == "cuda:7"
    for made_with in ({"width": 0}, {"n_iter": 3}, {"sample": 1}, 3):
        write_altered(path, generator, _fitted_with=made_with)
        with case(made_with), pytest.raises(NotASavedFileError, match=str(path)):
            skmicro.load(path)


def test_parameters_that_came_later_have_their_default(path, generator):
    write_altered(path, generator, removed=["betas", "learning_rate"])
    assert skmicro.load(path).betas == WGANGP().betas


class WithoutDefault(BaseDescriptor):
    """A class whose constructor asks for a value."""

    name = "without_default"

    def __init__(self, value, image_shape=None):
        self.value = value
        self.image_shape = image_shape


def test_parameters_without_default_must_be_there(path):
    write_altered(path, WithoutDefault(1), removed=["value"])
    with pytest.raises(NotASavedFileError, match="must have the parameter 'value'"):
        skmicro.load(path)


class WithState(VolumeFraction):
    """A class with an attribute that is neither a parameter nor a fitted one."""

    level: int = parameter(1, integer(1), "A level.")

    def fit(self, X, y=None):
        self._secret = 3
        return super().fit(X, y)


def test_attributes_that_files_do_not_keep_are_named_by_save(path):
    with pytest.raises(TypeError, match=r"Cannot save _secret of WithState.*names in _kept"):
        WithState().fit(IMAGES).save(path)
    with pytest.raises(ValueError, match="level must be >= 1, got 0"):
        WithState(level=0).save(path)
    assert not path.exists()
    WithState._kept = ("_secret",)
    WithState().fit(IMAGES).save(path)
    assert skmicro.load(path)._secret == 3


def test_weights_have_to_be_those_of_the_networks(path, generator):
    weights = generator.__getstate__()[WEIGHTS]
    critic = weights["critic"]
    (name, first), *_ = critic.items()
    for wrong in (
        {},
        critic | {"more": first},
        critic | {name: first[:1]},
        critic | {name: first.astype(int)},
        critic | {name: first.astype(np.int32)},
        critic | {name: first.astype(np.float64)},
        critic | {name: first.astype(np.float16)},
        critic | {name: 3},
        critic | {name: np.full_like(first, np.inf)},
    ):
        write_altered(path, generator, **{WEIGHTS: weights | {"critic": wrong}})
        with pytest.raises(NotASavedFileError, match=str(path)):
            skmicro.load(path)
    write_altered(path, generator, **{WEIGHTS: weights | {"another": critic}})
    with pytest.raises(NotASavedFileError, match=str(path)):
        skmicro.load(path)


def test_weights_that_are_not_finite_are_not_saved(path):
    broken = fitted()
    next(broken.critic_.parameters())[:] = np.nan
    with pytest.raises(ValueError, match="of the network 'critic' must be finite"):
        broken.save(path)
    assert not path.exists()


def test_trees_lead_to_leaves(path):
    forest = MarkovRandomField(random_state=0).fit(IMAGES)
    tree = forest.classifier_
    n_nodes = len(tree.features)
    for name, value in {
        "children": np.full_like(tree.children, n_nodes),
        "roots": np.array([-1]),
        "depth": 10**12,
        "thresholds": tree.thresholds[:-1],
    }.items():
        before = getattr(tree, name)
        setattr(tree, name, value)
        forest.save(path)
        setattr(tree, name, before)
        with case(name), pytest.raises(NotASavedFileError, match="must be those of trees"):
            skmicro.load(path)


def test_the_header_says_module_and_name(path):
    VolumeFraction().save(path)
    length = int.from_bytes(path.read_bytes()[:8], "little")
    header = json.loads(path.read_bytes()[8 : 8 + length])["__metadata__"]
    saved = json.loads(header["skmicro"])["dict"][0][1]
    assert (saved["object"], saved["module"]) == ("VolumeFraction", "skmicro.descriptors")
    assert len(header["digest"]) == 64
