"""Parameters that are sequences may be NumPy arrays: the estimator is the same."""

import dataclasses
import pickle

import numpy as np
import pytest
from cases import case
from sklearn.base import clone
from tiny import ESTIMATORS, REGRESSORS, of_each_kind, phase_images, targets_of, tiny

import skmicro
from skmicro.datasets import make_checkerboards, make_polycrystals
from skmicro.generators import WGANGP, FlowMatchingGenerator, InvNetGenerator, StyleVAE
from skmicro.rules import integers, labels, sequence_of
from skmicro.training import parameter_summary

X = phase_images()
SEQUENCES = {
    "image_shape": (8, 6), "phases": (0, 1), "symmetries": ("reflection",), "betas": (0.5, 0.9),
    "spacing": (1.0, 2.0), "widths": (4, 4), "conductivity": (1.0, 2.0), "young": (1.0, 2.0),
    "poisson": (0.2, 0.3), "crop_shape": (6, 6), "invariances": ("p1",), "conditions": ("p1",),
}  # fmt: skip
OF_CLASSES = {
    "CNNRegressor": {"augment": ("reflection",)},
    "EffectiveConductivity": {"outputs": ("k11", "k22")},
    "ElasticStiffness": {"outputs": ("C11", "C22")},
    "StrongContrastModuli": {"outputs": ("K", "G")},
}


def of(cls):
    """Return an estimator's parameters that are sequences."""
    names = {field.name for field in dataclasses.fields(cls)}
    found = {name: value for name, value in SEQUENCES.items() if name in names}
    return found | OF_CLASSES.get(cls.__name__, {})


@of_each_kind
@pytest.mark.parametrize("cls", ESTIMATORS + REGRESSORS)
def test_arrays_are_as_good_as_tuples(cls, tmp_path):
    tuples = of(cls)
    arrays = {name: np.array(value) for name, value in tuples.items()}
    y = (targets_of(X),) if cls in REGRESSORS else ()
    expected, found = (tiny(cls, **settings).fit(X, *y) for settings in (tuples, arrays))
    for name, value in arrays.items():
        assert found.get_params(deep=False)[name] is value
    copies = [pickle.loads(pickle.dumps(found))]
    found.save(tmp_path / "estimator")
    copies.append(skmicro.load(tmp_path / "estimator"))
    seen = X[:, :6, :6] if "crop_shape" in tuples else X
    use = "transform" if hasattr(cls, "transform") else "predict"
    wanted = np.asarray(getattr(expected, use)(seen))
    for estimator in (found, *copies):
        np.testing.assert_array_equal(getattr(estimator, use)(seen), wanted)
    for estimator in (found, *copies, clone(found)):
        assert repr(estimator).startswith(cls.__name__)
        for name, value in tuples.items():
            np.testing.assert_array_equal(estimator.get_params()[name], value)


def test_training_goes_on_with_arrays(tmp_path):
    for cls in (WGANGP, FlowMatchingGenerator):
        images, settings = [], {"checkpoint": tmp_path / cls.__name__, "checkpoint_every": 1}
        for kind in (tuple, np.array):
            parts = {"symmetries": kind(["reflection"]), "phases": kind([0, 1])}
            generator = tiny(cls, **parts, **settings).fit(X)
            images.append(generator.partial_fit(X).sample(2, random_state=0))
        np.testing.assert_array_equal(*images)


def test_names_in_arrays_are_checked_like_others():
    for value in (np.array(["turn"]), np.array([["rotation"]]), np.array(1)):
        with case(value), pytest.raises((TypeError, ValueError), match=r"^symmetries(\[0\])? must"):
            sequence_of("rotation").check("symmetries", value)
    with pytest.raises(ValueError, match=r"^phases must hold each label once"):
        labels().check("phases", np.array([1, 1]))
    with pytest.raises(TypeError, match=r"^phases\[0\] must be an integer, got 0.5"):
        labels().check("phases", np.array([0.5]))
    with pytest.raises(ValueError, match="widths must hold at least one integer"):
        integers(1).check("widths", np.array([], int))
    with pytest.raises(ValueError, match="style_layers must hold one or more names"):
        tiny(StyleVAE, style_layers=np.array([])).fit(X)
    with pytest.raises(ValueError, match=r"different names, got \['p1', 'p1'\]"):
        tiny(InvNetGenerator, invariances=np.array(["p1", "p1"])).fit(X)


def test_arrays_and_tuples_are_one_setting_of_a_checkpoint():
    assert parameter_summary(np.array([0, 1])) == parameter_summary((0, 1))
    assert parameter_summary(np.array(["p1"])) == parameter_summary(["p1"])
    assert parameter_summary(np.array([0, 2])) != parameter_summary((0, 1))


def test_pairs_of_simulators():
    pair = np.array([2, 4])
    np.testing.assert_array_equal(
        make_checkerboards(2, (8, 8), cell=pair, random_state=0)[0],
        make_checkerboards(2, (8, 8), cell=(2, 4), random_state=0)[0],
    )
    np.testing.assert_array_equal(
        make_polycrystals(1, (8, 8), n_grains=5, anisotropy=pair, random_state=0)[0],
        make_polycrystals(1, (8, 8), n_grains=5, anisotropy=(2, 4), random_state=0)[0],
    )
