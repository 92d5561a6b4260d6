"""Three GANs that differ only in what the critic sees of conditions or tells of them."""

import numpy as np
import pytest
import torch
from textures import blobs

from skmicro._random import torch_generator
from skmicro.descriptors import SpecificSurface, TwoPointCorrelation, VolumeFraction
from skmicro.generators import ACGAN, ConditionalGAN, InvNetGenerator, ResidualInputGAN
from skmicro.networks import new_networks
from skmicro.training import Batch

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
GANS = [ConditionalGAN, ResidualInputGAN, ACGAN]
LEARNING = SMALL | {"learning_rate": 5e-3, "target_tol": 1.0}
every_gan = pytest.mark.parametrize("cls", GANS)


def encoded(generator, X):
    batch = generator.encoder_.encode(X), torch.tensor(generator.conditions_.describe(X))
    return Batch(*batch)


def view_of(step):
    """What the critic of a step sees of images."""
    return step.updates[0].objective.keywords["view"]


def fresh_step(generator):
    return generator._training_step(new_networks(generator), torch_generator(0))


def fractions(X):
    return X.mean(axis=tuple(range(1, X.ndim)), dtype=np.float64)


@pytest.mark.parametrize("architecture", ["light", "residual", "dense"])
@pytest.mark.parametrize(("n_phases", "shape"), [(2, (12, 12)), (3, (6, 5, 4))])
def test_what_critics_see_and_tell(architecture, n_phases, shape):
    options = SMALL | {"architecture": architecture, "n_iter": 1}
    conditions = ("p1", TwoPointCorrelation(max_lag=2))
    X = blobs(8, shape, n_phases)
    seen_and_told = {}
    for cls in GANS:
        critic = cls(conditions=conditions, **options).fit(X).critic_
        head = critic.attribute_head
        told = 0 if head is None else head.out_features
        seen_and_told[cls] = critic.stem.layer.in_channels, told
    assert seen_and_told == {
        ConditionalGAN: (n_phases + 4, 0),
        ResidualInputGAN: (n_phases + 1, 0),
        ACGAN: (n_phases, 4),
    }


def test_the_conditional_critic_sees_uncorrelated_conditions_in_units_of_their_spread():
    X = blobs(n_phases=3)
    generator = ConditionalGAN(conditions=("p1", "specific_surface"), **SMALL).fit(X)
    batch = encoded(generator, X)
    seen = view_of(fresh_step(generator))(batch.images, batch)
    assert torch.equal(seen[:, :3], batch.images)
    shown = seen[:, 3:].double()
    torch.testing.assert_close(shown[..., 5, 7], shown[..., 0, 0], rtol=0, atol=0)
    columns = shown[..., 0, 0].numpy()
    np.testing.assert_allclose(columns.mean(axis=0), 0.0, atol=1e-5)
    np.testing.assert_allclose(columns.T @ columns / len(X), np.eye(2), atol=1e-4)
    descriptors = VolumeFraction(), SpecificSurface(periodic=False)
    values = np.hstack([d.fit_transform(X) for d in descriptors])
    centred = values - values.mean(axis=0)
    explained = columns @ np.linalg.lstsq(columns, centred, rcond=None)[0]
    np.testing.assert_allclose(explained, centred, atol=1e-5)


def test_the_residual_critic_sees_nothing_amiss_in_real_images():
    X = blobs(n_phases=3)
    generator = ResidualInputGAN(conditions=("p1", "p2"), **SMALL).fit(X)
    batch, view = encoded(generator, X), view_of(fresh_step(generator))
    assert view(batch.images, batch)[:, 3].abs().max() < 1e-12
    moved = Batch(batch.images, batch.conditions + torch.tensor([0.1] + [0.0] * 7))
    torch.testing.assert_close(
        view(batch.images, moved)[:, 3], torch.full((24, 12, 12), 0.01), rtol=1e-4, atol=0
    )


def test_the_generator_learns_through_the_residual():
    """A critic that looks at nothing but the residual."""
    generator = ResidualInputGAN(**SMALL).fit(blobs())
    step = fresh_step(generator)
    stem = step.modules["critic"].stem.layer.weight
    stem.data[:, :-1] = 0.0
    network = step.modules["generator"]
    batch = encoded(generator, blobs())
    _, update = step.updates

    def steepest_slope():
        loss, _ = update.objective(step.modules, batch, step.rng)
        slopes = torch.autograd.grad(loss, list(network.parameters()), allow_unused=True)
        return max(slope.abs().max().item() for slope in slopes if slope is not None)

    assert steepest_slope() > 0
    stem.data[:, -1] = 0.0
    assert steepest_slope() == 0


def test_an_acgan_without_attributes_is_an_invnet_without_invariances():
    """Bit for bit: the same engine, networks and random numbers."""
    X = blobs()
    settings = SMALL | {"n_iter": 6, "learning_rate": 1e-2, "n_critic": 2}
    invnet = InvNetGenerator(n_projection=0, projection_weight=0.0, **settings).fit(X)
    without, telling = (ACGAN(attribute_weight=w, **settings).fit(X) for w in (0.0, 1.0))
    for name in ("critic", "penalty", "generator"):
        np.testing.assert_array_equal(without.history_[name], invnet.history_[name])
    expected = invnet.generator_.state_dict()
    for name, value in without.generator_.state_dict().items():
        assert torch.equal(value, expected[name])
    assert not np.array_equal(telling.history_["generator"], without.history_["generator"])


@pytest.fixture(scope="module")
def acgan():
    return ACGAN(**(LEARNING | {"n_iter": 90, "attribute_weight": 10.0})).fit(blobs(200))


@pytest.mark.slow
def test_the_critic_of_an_acgan_learns_to_tell_the_volume_fraction(acgan):
    unseen = blobs(40, seed=1)
    told = acgan.critic_.attributes(encoded(acgan, unseen).images).numpy()[:, 0]
    wanted = acgan.conditions_.whitened(torch.tensor(fractions(unseen)[:, None]))[:, 0].numpy()
    assert np.square(told - wanted).mean() < 0.25
    assert np.corrcoef(told, wanted)[0, 1] > 0.9


def test_images_of_an_acgan_follow_what_its_critic_has_to_tell(acgan):
    """No sample is corrected: the tolerance is that of any image."""
    low, high = (acgan.sample(100, p1=p1, random_state=0).mean() for p1 in (0.3, 0.7))
    assert high - low > 0.2


@pytest.mark.representatives("ConditionalGAN")
@pytest.mark.parametrize("cls", [ConditionalGAN, ResidualInputGAN])
def test_images_follow_what_the_critic_sees(cls):
    generator = cls(**(LEARNING | {"n_iter": 100, "n_critic": 2, "learning_rate": 1e-2})).fit(
        blobs(200)
    )
    low, high = (generator.sample(100, p1=p1, random_state=0).mean() for p1 in (0.3, 0.7))
    assert high - low > 0.2


@every_gan
def test_conditions_reach_the_network_and_exact_counts_the_image(cls):
    generator = cls(conditions=("p1", "p2"), **SMALL).fit(blobs())
    assert generator.conditions_.names == ["p1", "p2"]
    images, targets = generator.sample(
        3, p1=[0.3, 0.5, 0.6], exact=True, return_targets=True, random_state=0
    )
    np.testing.assert_allclose(fractions(images), [0.3, 0.5, 0.6], atol=0.5 / 144 + 1e-9)
    assert set(targets) == {"p1", "p2"}
    assert targets["p2"].shape == (3, 7)


@every_gan
def test_large_images_of_conditional_generators(cls):
    generator = cls(**SMALL).fit(blobs())
    images = generator.sample(3, p1=0.5, exact=True, shape=(24, 20), random_state=0)
    np.testing.assert_array_equal(images.sum(axis=(1, 2)), 240)


@every_gan
@pytest.mark.parametrize(
    ("conditions", "error", "message"),
    [
        ((), ValueError, "conditions must name at least one descriptor"),
        ("p1", TypeError, "conditions must be a list, tuple or array of one axis, got 'p1'"),
        (("p1", "clusters"), ValueError, "conditions must hold differentiable .*'clusters'"),
        (("p1", VolumeFraction()), ValueError, "conditions must have different names"),
        ((VolumeFraction(phase=7),), ValueError, r"phase must be one of the labels \[0, 1\]"),
    ],
)
def test_conditions_are_checked_by_name(cls, conditions, error, message):
    generator = cls(conditions=conditions, **SMALL)
    before = dict(vars(generator))
    with pytest.raises(error, match=message):
        generator.fit(blobs())
    assert vars(generator) == before


@pytest.mark.parametrize("value", [-0.1, np.inf, np.nan])
def test_the_attribute_weight_is_checked_by_name(value):
    with pytest.raises(ValueError, match=r"attribute_weight must lie in \[0, inf\)"):
        ACGAN(attribute_weight=value, **SMALL).fit(blobs())
