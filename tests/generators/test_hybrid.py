"""HybridGAN: descriptors calibrated on some images, a critic that sees all."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone

import skmicro
from skmicro._random import torch_generator
from skmicro.descriptors import TwoPointCorrelation, VolumeFraction
from skmicro.generators import HybridGAN
from skmicro.networks import new_networks

SMALL = {
    "architecture": "light",
    "n_latent": 3,
    "width": 4,
    "n_iter": 2,
    "batch_size": 8,
    "n_critic": 1,
    "random_state": 0,
    "device": "cpu",
}


def hybrid(**options):
    return HybridGAN(**(SMALL | options))


def images_of(n=20, shape=(12, 10), share=0.4, seed=0):
    noise = np.random.default_rng(seed).random((n, *shape))
    smooth = noise + np.roll(noise, 1, 1) + np.roll(noise, 1, 2)
    return (smooth < np.quantile(smooth, share)).astype(np.uint8)


def mean_curve(images):
    curve = TwoPointCorrelation(periodic=False).fit(images_of())
    return curve.transform(images).mean(axis=0)


X = images_of()
OTHERS = images_of(5, share=0.6, seed=1)


def test_targets_of_the_training_images():
    np.testing.assert_allclose(hybrid().fit(X).targets_["p2"], mean_curve(X), rtol=1e-6)


@pytest.mark.parametrize("n", [None, 1, 5])
def test_targets_of_the_calibration_images(n):
    calibration = OTHERS[0] if n is None else OTHERS[:n]
    generator = hybrid(calibration=calibration, invariances=("p1", "p2")).fit(X)
    images = OTHERS[:1] if n is None else OTHERS[:n]
    np.testing.assert_allclose(generator.targets_["p2"], mean_curve(images), rtol=1e-6)
    np.testing.assert_allclose(generator.targets_["p1"], [images.mean()], rtol=1e-6)
    assert abs(generator.targets_["p1"][0] - X.mean()) > 0.1


@pytest.mark.parametrize("as_type", [list, np.int64, bool, np.float64])
def test_calibration_images_of_another_type(as_type):
    calibration = OTHERS.tolist() if as_type is list else OTHERS.astype(as_type)
    generator = hybrid(calibration=calibration).fit(X)
    np.testing.assert_allclose(generator.targets_["p2"], mean_curve(OTHERS), rtol=1e-6)


def test_calibration_in_rows_and_in_three_dimensions():
    rows = hybrid(calibration=OTHERS.reshape(5, -1), image_shape=(12, 10)).fit(X.reshape(20, -1))
    np.testing.assert_array_equal(
        rows.targets_["p2"], hybrid(calibration=OTHERS).fit(X).targets_["p2"]
    )
    blocks = X.reshape(20, 4, 3, 10)
    one, many = (hybrid(calibration=part).fit(blocks).targets_ for part in (blocks[3], blocks[3:4]))
    np.testing.assert_array_equal(one["p2"], many["p2"])


def test_calibration_images_need_no_names_of_columns():
    frame = pytest.importorskip("pandas").DataFrame(X.reshape(20, -1)).add_prefix("voxel")
    generator = hybrid(calibration=OTHERS, image_shape=(12, 10)).fit(frame)
    np.testing.assert_allclose(generator.targets_["p2"], mean_curve(OTHERS), rtol=1e-6)


@pytest.mark.parametrize(
    "calibration",
    [
        pytest.param(OTHERS[0, :6], id="half an image"),
        pytest.param(OTHERS[:, :, :9], id="other shape"),
        pytest.param(OTHERS[0].T, id="transposed"),
        pytest.param(OTHERS[:0], id="empty"),
        pytest.param(OTHERS + 1, id="unknown phase"),
        pytest.param(np.where(OTHERS == 1, np.nan, 0.0), id="not finite"),
        pytest.param(np.ma.masked_equal(OTHERS, 1), id="masked"),
        pytest.param("p2", id="no image"),
    ],
)
def test_a_calibration_that_is_not_allowed_is_refused_by_name(calibration):
    generator = hybrid(calibration=calibration)
    before = dict(vars(generator))
    with pytest.raises((ValueError, TypeError), match="calibration"):
        generator.fit(X)
    assert vars(generator) == before


def test_a_projection_has_an_optimizer_of_its_own():
    def optimizers(**options):
        generator = hybrid(**options).fit(X)
        return generator._training_step(new_networks(generator), torch_generator(0)).optimizers

    own = optimizers(n_projection=1, projection_rate=3e-3, learning_rate=1e-3)
    assert set(own) == {"generator", "critic", "projection0"}
    assert own["projection0"].param_groups[0]["lr"] == 3e-3
    assert own["generator"].param_groups[0]["lr"] == 1e-3
    trained, projected = (
        {id(p) for group in own[name].param_groups for p in group["params"]}
        for name in ("generator", "projection0")
    )
    assert trained == projected
    assert optimizers(learning_rate=1e-3)["projection0"].param_groups[0]["lr"] == 1e-3
    assert set(optimizers(n_projection=0)) == {"generator", "critic"}


@pytest.mark.representatives("3")
@pytest.mark.parametrize("n_projection", [0, 3])
def test_the_projection_pulls_the_images_to_the_calibration(n_projection):
    """They have the volume fraction asked for, which is not that of what the critic sees."""
    options = {
        "invariances": ("p1",),
        "calibration": OTHERS,
        "n_projection": n_projection,
        "n_iter": 20,
        "learning_rate": 2e-3,
        "projection_rate": 1e-2,
        "hard_projection": True,
    }
    generators = [hybrid(projection_weight=w, **options).fit(X) for w in (0.0, 1000.0)]
    wanted = OTHERS.mean()
    errors = [abs(g.sample(100, random_state=0).mean() - wanted) for g in generators]
    assert errors[1] < 0.08
    assert errors[1] < 0.6 * errors[0]


def test_the_invariance_loss_scales_with_its_weight():
    losses = [
        hybrid(projection_weight=weight, n_projection=0, n_iter=1).fit(X).history_["projection0"]
        for weight in (1.0, 50.0)
    ]
    assert losses[0] > 0
    np.testing.assert_allclose(losses[1], 50.0 * losses[0], rtol=1e-5)


def test_targets_survive_pickle_and_file(tmp_path):
    generator = hybrid(calibration=OTHERS, invariances=(VolumeFraction(phase=0), "p2")).fit(X)
    generator.save(tmp_path / "hybrid.skm")
    for copy in (pickle.loads(pickle.dumps(generator)), skmicro.load(tmp_path / "hybrid.skm")):
        assert list(copy.targets_) == ["p1", "p2"]
        for name, target in generator.targets_.items():
            np.testing.assert_array_equal(copy.targets_[name], target)
        again = copy.partial_fit(X)
        np.testing.assert_array_equal(again.targets_["p2"], generator.targets_["p2"])


def test_targets_are_those_of_the_training_after_a_parameter_was_set():
    generator = hybrid(calibration=OTHERS).fit(X)
    before = generator.targets_["p2"].copy()
    generator.set_params(calibration=X[0])
    np.testing.assert_array_equal(generator.targets_["p2"], before)
    generator.fit(X)
    np.testing.assert_allclose(generator.targets_["p2"], mean_curve(X[:1]), rtol=1e-6)


def test_a_clone_has_the_calibration():
    copied = clone(hybrid(calibration=OTHERS)).fit(X)
    np.testing.assert_allclose(copied.targets_["p2"], mean_curve(OTHERS), rtol=1e-6)


def test_a_checkpoint_of_another_calibration_is_refused(tmp_path):
    """The two differ in one voxel in the middle of a large image."""
    large = images_of(2, (40, 40))
    other = large[0].copy()
    other[20, 20] ^= 1
    options = {"checkpoint": tmp_path / "state.skm", "n_iter": 1, "batch_size": 2}
    hybrid(calibration=large[0], **options).fit(large)
    with pytest.raises(ValueError, match="belongs to another training: calibration was"):
        hybrid(calibration=other, **options).fit(large)
