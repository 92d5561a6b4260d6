"""FlowMatchingGenerator: conditions, guidance, symmetries, windows, round trips, fine-tuning."""

import copy
import pickle
import warnings
from functools import cache
from itertools import permutations, product

import numpy as np
import pytest
import torch
from callbacks import Looks
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score
from textures import cut_blobs as blobs
from tiny_flows import TINY, randomised

import skmicro
from skmicro.conditioning import _search
from skmicro.descriptors import SpecificSurface, VolumeFraction
from skmicro.exceptions import DivergenceError, ExtrapolationWarning, TargetWarning
from skmicro.flows import _inpainting, _model
from skmicro.generators import FlowMatchingGenerator, _base, _flow_matching
from skmicro.images import Symmetries
from skmicro.networks import flow_unet
from skmicro.persistence import read_tree, write_tree
from skmicro.training import search


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Fewer evaluations of networks, whose batches are filled up."""
    monkeypatch.setattr(_inpainting, "N_STEPS", 2)
    monkeypatch.setattr(_inpainting, "N_ROUNDS", 2)
    monkeypatch.setattr(_model, "BATCH_SIZE", 4)


@pytest.fixture
def few_scored(monkeypatch):
    """Score few samples, where scores are compared with each other alone."""
    monkeypatch.setattr(_base, "SCORE_SAMPLES", 4)


STRIPES = {
    "n_iter": 60,
    "width": 8,
    "batch_size": 16,
    "learning_rate": 4e-3,
    "periodic": True,
}


def greys():
    """Smooth grey levels from 0 to 1."""
    return (0.8 * blobs() + 0.2 * np.random.default_rng(0).random(blobs().shape)).astype(np.float32)


def fitted(X=None, **settings):
    """A generator whose network is random, not only what three steps make of it."""
    return randomised(X, **settings) if X is not None or settings else pickle.loads(plain())


@cache
def plain():
    return pickle.dumps(randomised())


def state(generator, n=3):
    noise = torch.randn(n, 1, 16, 16, generator=torch.Generator().manual_seed(1))
    return noise, torch.full((n,), 0.3), torch.full((n, 1), 0.45)


def velocity(generator, guidance, conditions=None):
    x, t, given = state(generator)
    given = given if conditions is None else conditions
    return generator.set_params(guidance=guidance)._model().answer(given)(x, t[0].item())


def test_guidance_extrapolates_from_the_unconditional_velocity():
    generator = fitted(p_drop=0.1)
    x, t, given = state(generator)
    nothing = torch.full_like(given, torch.nan)
    conditional = generator.generator_(x, t, given)
    free = generator.generator_(x, t, nothing)
    assert (conditional - free).abs().max() > 1e-3
    assert torch.equal(velocity(generator, 1.0), conditional)
    assert torch.equal(velocity(generator, 0.0), free)
    torch.testing.assert_close(velocity(generator, 2.5), free + 2.5 * (conditional - free))
    torch.testing.assert_close(velocity(generator, 2.5, nothing), free)


def test_guidance_one_evaluates_the_network_once():
    generator = fitted(p_drop=0.1)
    calls = []
    generator.generator_.register_forward_pre_hook(lambda _, inputs: calls.append(inputs[2]))
    velocity(generator, 1.0)
    assert len(calls) == 1
    velocity(generator, 2.0)
    assert [bool(rows.isnan().any()) for rows in calls[1:]] in ([True, False], [False, True])


def test_guidance_zero_ignores_conditions():
    generator = fitted(target_tol=np.inf, p_drop=0.1)
    low, high = (generator.sample(4, p1=p1, random_state=0) for p1 in (0.4, 0.6))
    assert not np.array_equal(low, high)
    generator.set_params(guidance=0.0)
    low, high = (generator.sample(4, p1=p1, random_state=0) for p1 in (0.4, 0.6))
    np.testing.assert_array_equal(low, high)


def test_guidance_needs_training_without_conditions():
    message = "guidance must be 1 where training with p_drop=0 never went without conditions, got"
    with pytest.raises(ValueError, match=message):
        FlowMatchingGenerator(guidance=2.0, **TINY).fit(blobs(4))
    generator = fitted().set_params(guidance=2.0)
    with pytest.raises(ValueError, match=message):
        generator.sample(1)
    with pytest.raises(ValueError, match=message):
        generator.transform(blobs(4))
    with pytest.raises(ValueError, match=message):
        generator.inpaint(blobs(1), np.ones((16, 16), bool))


@pytest.mark.parametrize("later", [{"p_drop": 0.1}, {"conditions": ()}])
def test_guidance_needs_what_the_training_did_not_what_parameters_say(later, tmp_path):
    generator = fitted().set_params(guidance=2.0, **later)
    generator.save(tmp_path / "flow.skm")
    for refused in (generator, skmicro.load(tmp_path / "flow.skm")):
        with pytest.raises(ValueError, match="guidance must be 1 where training with p_drop=0"):
            refused.sample(1)
        with pytest.raises(ValueError, match="guidance must be 1 where training with p_drop=0"):
            refused.inpaint(blobs(1), np.ones((16, 16), bool))


def test_guidance_is_for_a_generator_trained_without_conditions_at_last(tmp_path):
    generator = fitted().set_params(guidance=2.0, p_drop=0.1).partial_fit(blobs(4))
    generator.set_params(p_drop=0.0)
    generator.save(tmp_path / "flow.skm")
    expected = generator.sample(2, random_state=0)
    np.testing.assert_array_equal(
        skmicro.load(tmp_path / "flow.skm").sample(2, random_state=0), expected
    )
    plain = generator.set_params(guidance=1.0).sample(2, random_state=0)
    assert not np.array_equal(expected, plain)


def test_estimators_handed_to_callbacks_of_scikit_learn_are_guided():
    pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks from 1.9 on")
    looks = Looks(lambda seen: seen.sample(2, random_state=0))
    generator = FlowMatchingGenerator(p_drop=0.1, guidance=2.0, average_decay=0.0, **TINY)
    generator.set_callbacks(looks).fit(blobs(4))
    assert len(looks.seen) == TINY["n_iter"]
    for images in (looks.seen[-1], looks.end):
        np.testing.assert_array_equal(images, generator.sample(2, random_state=0))


@pytest.mark.representatives("0.5")
@pytest.mark.parametrize("p_drop", [0.0, 0.5])
def test_networks_never_see_missing_conditions_unless_they_are_dropped(p_drop):
    seen = []

    class Watched(FlowMatchingGenerator):
        def _networks(self):
            made = super()._networks()["generator"]

            def watched():
                network = made()
                network.embedding.register_forward_pre_hook(
                    lambda _, seeing: seen.append(seeing[1])
                )
                return network

            return {"generator": watched}

    settings = TINY | {"n_iter": 10, "batch_size": 24, "conditions": ("p1", "specific_surface")}
    generator = Watched(p_drop=p_drop, **settings)
    generator.fit(blobs())
    gone = torch.cat(seen).isnan().double().mean(dim=0)
    np.testing.assert_allclose(gone, 1 - (1 - p_drop) ** 2, atol=0.1)
    seen.clear()
    generator.sample(3, random_state=0)
    generator.sample(3, p1=0.5, random_state=0)
    generator.transform(blobs()[:3])
    generator.inpaint(blobs()[:1], np.ones((16, 16), bool))
    assert not torch.cat(seen).isnan().any()


def test_any_subset_of_conditions_may_be_given():
    names = ("p1", "specific_surface")
    generator = fitted(conditions=names, target_tol=np.inf)
    seen = []
    generator.generator_.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[2]))
    rows = generator.conditions_.rows
    middle = dict(zip(names, rows.mean(axis=0), strict=True))
    for asked in ((), names[:1], names[1:], names):
        seen.clear()
        targets = {name: float(middle[name]) for name in asked}
        _, answer = generator.sample(4, random_state=0, return_targets=True, **targets)
        drawn = np.hstack([answer[name] for name in names])
        np.testing.assert_allclose(seen[0], drawn, rtol=1e-6)
        for name in asked:
            np.testing.assert_allclose(answer[name], middle[name], rtol=1e-6)
        others = [k for k, name in enumerate(names) if name not in asked]
        for row in drawn:
            assert (rows[:, others] == row[others]).all(axis=1).any()


def test_conditions_left_open_are_those_of_the_nearest_training_image():
    generator = fitted(conditions=("p1", "specific_surface"), target_tol=np.inf)
    rows = generator.conditions_.rows
    for k in (0, 7, 11):
        p1 = float(rows[k, 0])
        _, answer = generator.sample(3, p1=p1, random_state=0, return_targets=True)
        alike = rows[np.isclose(rows[:, 0], p1), 1]
        assert set(answer["specific_surface"].ravel()) <= set(alike)


@pytest.mark.slow
def test_conditions_left_open_everywhere_are_those_of_all_training_images():
    generator = fitted(blobs(8))
    _, answer = generator.sample(100, random_state=0, return_targets=True)
    drawn, known = np.unique(answer["p1"]), np.unique(generator.conditions_.rows)
    np.testing.assert_array_equal(drawn, known)


def test_without_conditions():
    generator = fitted(conditions=(), guidance=3.0)  # which has nothing to strengthen
    assert generator.conditions_.n_columns == 0
    assert generator.sample(2, random_state=0).shape == (2, 16, 16)
    assert generator.transform(blobs()[:2]).shape == (2, 256)


def test_conditions_are_learned(monkeypatch):
    monkeypatch.setattr(_model, "BATCH_SIZE", 40)
    rng = np.random.default_rng(0)
    noise = np.cumsum(rng.standard_normal((64, 8, 8)), axis=1)
    levels = np.where(rng.random(64) < 0.5, 0.2, 0.8)
    X = np.stack(
        [field > np.quantile(field, 1 - p1) for field, p1 in zip(noise, levels, strict=True)]
    )
    generator = FlowMatchingGenerator(
        **TINY | STRIPES | {"n_iter": 150, "periodic": None, "target_tol": np.inf}
    ).fit(X)
    means = [generator.sample(40, p1=p1, random_state=1).mean() for p1 in (0.21, 0.79)]
    np.testing.assert_allclose(means, [0.21, 0.79], atol=0.08)
    free = generator.sample(80, random_state=1).mean(axis=(1, 2))
    assert free.std() > 0.15
    assert generator.history_["matching"][-20:].mean() < generator.history_["matching"][:5].mean()


@pytest.mark.parametrize("shape", [(16, 16), (8, 8, 16)])
def test_rolled_noise_gives_the_rolled_image(shape):
    generator = fitted(blobs(6, shape))
    latents = np.random.default_rng(0).standard_normal((2, int(np.prod(shape)))).astype(np.float32)
    step = generator.generator_.coarseness
    axes = tuple(range(1, 1 + len(shape)))
    rolled = np.roll(latents.reshape(2, *shape), step, axes).reshape(2, -1)
    conditions = torch.full((2, 1), 0.5)
    with torch.no_grad():
        images, moved = (
            generator._model().generate(torch.tensor(noise), conditions)
            for noise in (latents, rolled)
        )
    shifted = images.roll([step] * len(shape), [axis + 1 for axis in axes])
    torch.testing.assert_close(moved, shifted, atol=1e-3, rtol=0)


def test_grey_images_come_back_up_to_the_integration():
    X = greys()
    generator = fitted(X, target_tol=np.inf)
    errors = []
    for n_steps in (4, 8, 16):
        again = generator.set_params(n_steps=n_steps).reconstruct(X[:4])
        errors.append(np.abs(again - X[:4]).max())
    assert errors[0] > 3 * errors[1] > 9 * errors[2]
    assert errors[2] < 1e-3


@pytest.mark.representatives("3")
@pytest.mark.parametrize("n_phases", [2, 3])
def test_images_of_phases_come_back(n_phases):
    X = blobs(n_phases=n_phases)
    generator = fitted(X, target_tol=np.inf, restart_time=None)
    wrong = [
        (generator.set_params(n_steps=n_steps).reconstruct(X[:4]) != X[:4]).mean()
        for n_steps in (2, 32)
    ]
    assert wrong[1] < wrong[0] / 10
    assert wrong[1] < 0.005


@pytest.mark.representatives("2")
@pytest.mark.parametrize("n_phases", [2, 3])
def test_latents_are_normal_where_the_flow_is_exact(n_phases):
    """A network that has learned nothing is right about independent, equally frequent voxels."""
    X = np.random.default_rng(0).integers(0, n_phases, (4, 48, 48))
    generator = FlowMatchingGenerator(conditions=(), learning_rate=1e-30, n_steps=16, **TINY).fit(X)
    generator.set_params(restart_time=None)
    noise = generator.transform(X)
    quantiles = np.quantile(noise, (0.05, 0.25, 0.5, 0.75, 0.95))
    np.testing.assert_allclose(quantiles, (-1.645, -0.674, 0.0, 0.674, 1.645), atol=0.08)
    assert (generator.inverse_transform(noise) == X).mean() > 0.999


@pytest.mark.representatives("heun")
@pytest.mark.parametrize("method", ["heun", "midpoint"])
def test_transform_inverts_sampling_better_with_more_steps(method, monkeypatch):
    """Noise to channels to noise, by the public way: the decoded image is left out."""
    monkeypatch.setattr(_model, "BATCH_SIZE", 2)
    X = greys()
    generator = fitted(X, precision="float64", method=method, conditions=("p1",))
    X = X[:2]
    exact = generator.set_params(n_steps=64).transform(X)
    errors = []
    for n_steps in (8, 16, 32):
        errors.append(np.abs(generator.set_params(n_steps=n_steps).transform(X) - exact).max())
    assert errors[0] > 3 * errors[1] > 9 * errors[2] > 0
    np.testing.assert_allclose(generator.inverse_transform(exact), X, atol=1e-3)


def test_defaults_of_sampling():
    generator = FlowMatchingGenerator()
    assert (generator.n_steps, generator.method, generator.guidance) == (3, "midpoint", 1.0)
    assert (generator.p_drop, generator.periodic) == (0.0, None)
    light = FlowMatchingGenerator.light(n_iter=7)
    assert light.n_iter == 7
    assert light.n_steps == generator.n_steps


def products(generator, shape):
    """Multiplications of the convolutions for one iteration, forward."""
    total = 0

    def count(layer, given, answer):
        nonlocal total
        total += generator.batch_size * answer[0, 0].numel() * layer.weight.numel()

    settings = {"width": generator.width, "coarse_width": generator.coarse_width, "phases": True}
    network = flow_unet([], 1, shape, **settings)
    for layer in network.modules():
        if isinstance(layer, (torch.nn.Conv2d, torch.nn.Conv3d)):
            layer.register_forward_hook(count)
    with torch.no_grad():
        network(torch.zeros(1, 1, *shape), torch.zeros(1), torch.zeros(1, 0))
    return total


def test_preset_for_volumes_costs_an_eighth_of_the_other():
    light, volumes = FlowMatchingGenerator.light(), FlowMatchingGenerator.light_3d()
    assert products(light, (32, 32, 32)) > 8 * products(volumes, (32, 32, 32))
    assert volumes.average_decay == light.average_decay
    assert FlowMatchingGenerator.light_3d(n_iter=7, batch_size=2).get_params() == (
        volumes.set_params(n_iter=7, batch_size=2).get_params()
    )


@pytest.mark.slow
def test_volumes_with_few_channels_at_the_finest_level(tmp_path):
    X = blobs(6, (16, 16, 8))
    settings = TINY | {"width": 2, "coarse_width": 6, "target_tol": np.inf, "periodic": True}
    generator = FlowMatchingGenerator.light_3d(**settings).fit(X)
    generator.save(tmp_path / "flow.skm")
    loaded = skmicro.load(tmp_path / "flow.skm")
    large = loaded.sample(1, shape=(20, 18, 9), random_state=0)
    np.testing.assert_array_equal(generator.sample(1, shape=(20, 18, 9), random_state=0), large)
    assert large.shape == (1, 20, 18, 9)
    unknown = np.zeros(X.shape[1:], bool)
    unknown[4:9, 3:8, 2:6] = True
    filled = generator.inpaint(X[:1], unknown, random_state=0)
    np.testing.assert_array_equal(filled[0][~unknown], X[0][~unknown])
    again = generator.set_params(n_steps=32, restart_time=None).reconstruct(X[:2])
    assert (again != X[:2]).mean() < 0.005


def test_files_that_do_not_know_the_coarse_width_nor_the_restart():
    generator = fitted(blobs(6), target_tol=np.inf, restart_time=None)
    state = generator._persistent_state()
    del state["coarse_width"], state["restart_time"]
    for noted in ("_made_with", "_fitted_with"):
        state[noted] = {k: v for k, v in state[noted].items() if k != "coarse_width"}
    loaded = FlowMatchingGenerator._from_persistent_state(state)
    assert loaded.get_params() == generator.get_params()
    np.testing.assert_array_equal(
        loaded.sample(2, random_state=0), generator.sample(2, random_state=0)
    )
    assert loaded.partial_fit(blobs(6)).n_iter_ == 6
    with pytest.raises(ValueError, match=r"coarse_width must stay .* None, got 6"):
        loaded.set_params(coarse_width=6).partial_fit(blobs(6))


def test_checkpoints_that_do_not_know_the_coarse_width(tmp_path):
    path = tmp_path / "training.ckpt"
    settings = TINY | {"checkpoint": path, "checkpoint_every": 2}
    FlowMatchingGenerator(**settings).fit(blobs(6))
    tree = read_tree(path)
    assert tree["fingerprint"].pop("coarse_width") == "None"
    write_tree(path, tree)
    with pytest.raises(ValueError, match="coarse_width was 'unknown', now '6'"):
        FlowMatchingGenerator(**settings | {"coarse_width": 6}).fit(blobs(6))
    longer = FlowMatchingGenerator(**settings | {"n_iter": 5}).fit(blobs(6))
    assert longer.n_iter_ == 5


def images_of_training(X, **settings):
    """Images as the network's loss saw them, as sets of bytes, moved by symmetries."""
    seen = set()

    class Watched(Symmetries):
        def __call__(self, images, rng):
            for _ in range(15):
                moved = super().__call__(images, rng)
                seen.update(image.numpy().astype(np.int8).tobytes() for image in moved[:, 0])
            return moved

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_flow_matching, "Symmetries", Watched)
        FlowMatchingGenerator(**TINY | {"n_iter": 10, "width": 2} | settings).fit(X)
    return seen


def moves(image, *, rolls, flips, turns):
    """All images of the symmetries, as a set of bytes."""
    orders = permutations(range(image.ndim)) if turns else [range(image.ndim)]
    found = set()
    for order in orders:
        turned = image.transpose(tuple(order))
        for axes in product([False, True], repeat=image.ndim) if flips else [()]:
            flipped = np.flip(turned, [k for k, flip in enumerate(axes) if flip])
            for shift in np.ndindex(*image.shape) if rolls else [(0,) * image.ndim]:
                moved = np.roll(flipped, shift, tuple(range(image.ndim)))
                found.add((2 * moved - 1).astype(np.int8).tobytes())
    return found


@pytest.mark.representatives("shape0")
@pytest.mark.parametrize("shape", [(4, 4), (3, 3, 3)])
@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"periodic": True}, {"rolls": True, "flips": True, "turns": True}),
        ({"periodic": False}, {"rolls": False, "flips": True, "turns": True}),
        (
            {"periodic": True, "symmetries": ("translation",)},
            {"rolls": True, "flips": False, "turns": False},
        ),
        (
            {"periodic": False, "symmetries": ("translation",)},
            {"rolls": False, "flips": False, "turns": False},
        ),
        (
            {"periodic": False, "symmetries": ("reflection",)},
            {"rolls": False, "flips": True, "turns": False},
        ),
        ({"periodic": True, "symmetries": ()}, {"rolls": False, "flips": False, "turns": False}),
    ],
)
def test_training_images_are_moved_by_the_symmetries_of_the_material(shape, settings, expected):
    """Images that are not periodic are not rolled: that would make borders inside."""
    image = (np.random.default_rng(1).random(shape) < 0.5).astype(int)
    seen = images_of_training(np.stack([image, image]), conditions=(), **settings)
    allowed = moves(image, **expected)
    assert seen <= allowed
    assert len(seen) > 0.9 * min(len(allowed), 500)  # of 600 moves


def test_interpolation_follows_the_arc():
    generator = fitted()
    seen = []
    generator.generator_.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    generator.interpolate(*np.random.default_rng(0).standard_normal((2, 257)), n_steps=3)
    lengths = seen[0].flatten(1).norm(dim=1)[:3]
    assert lengths[1] > 0.9 * lengths[[0, 2]].mean()


@pytest.mark.parametrize("n_phases", [2, 3])
def test_exact_fractions(n_phases):
    generator = fitted(blobs(n_phases=n_phases), conditions=("phase_fractions",))
    wanted = {2: [0.375, 0.625], 3: [0.25, 0.25, 0.5]}[n_phases]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExtrapolationWarning)
        images = generator.sample(3, phase_fractions=wanted, exact=True, random_state=0)
    for phase, share in enumerate(wanted):
        np.testing.assert_array_equal((images == phase).mean(axis=(1, 2)), share)


@pytest.mark.parametrize("shape", [(16, 16), (20, 28)])
def test_p1_is_corrected_where_p2_has_other_lags(shape):
    """At another size the curve cannot be measured, and is fed as it is."""
    generator = fitted(conditions=("p1", "p2"), target_tol=np.inf)
    curve = generator.conditions_.rows[:, 1:].mean(axis=0)
    settings = {"p1": 0.5, "shape": shape, "random_state": 0}

    def missed():
        return np.abs(generator.sample(12, **settings).mean(axis=(1, 2)) - 0.5)

    raw = missed()
    corrected = generator.set_params(target_tol=0.002) and missed()
    assert (corrected <= raw).all()
    assert corrected.mean() < 0.5 * raw.mean()
    if shape != (16, 16):
        seen = []
        generator.generator_.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[2]))
        generator.sample(2, p2=curve, **settings)
        assert len(seen) < 2 * generator.n_steps  # one pass, whose last step asks for phases
        given = torch.tensor(np.append(np.float32(0.5), curve))
        assert all((rows == given).all() for rows in seen)


def test_target_that_is_no_condition_is_searched_through_the_flow(monkeypatch):
    monkeypatch.setattr(search, "BATCH_SIZE", 3)
    monkeypatch.setattr(_search, "SEARCH_STEPS", 30)
    monkeypatch.setattr(_search, "SEARCH_ROUNDS", 2)
    generator = fitted(blobs(shape=(8, 8)), conditions=(), n_steps=2, target_tol=0.02)
    surface = SpecificSurface().fit(blobs(shape=(8, 8)))
    free = surface.transform(generator.sample(3, random_state=0))[:, 0]
    wanted = float(free.mean() + 0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TargetWarning)
        warnings.simplefilter("ignore", ExtrapolationWarning)
        images = generator.sample(3, specific_surface=wanted, random_state=0)
    found = surface.transform(images)[:, 0]
    assert np.abs(found - wanted).mean() < 0.3 * np.abs(free - wanted).mean()


def test_periodic_or_larger_images():
    generator = fitted()
    assert generator.sample(1, shape=(24, 40), random_state=0).shape == (1, 24, 40)
    assert generator.sample(1, shape=(13, 9), periodic=False, random_state=0).shape == (1, 13, 9)
    wrapped = generator.sample(1, shape=(18, 17), random_state=0)
    assert wrapped.shape == (1, 18, 17)
    assert set(np.unique(wrapped)) <= {0, 1}


def cropped(X, **settings):
    return FlowMatchingGenerator(**TINY | {"crop_shape": (8, 12)} | settings).fit(X)


def test_one_large_image_is_enough_with_crop_shape():
    scan = blobs(1, (30, 25))
    generator = cropped(scan)
    assert generator.image_shape_ == (8, 12)
    assert generator.n_features_in_ == 96
    values = generator.conditions_.rows[:, 0]
    assert len(values) == 1024
    assert np.std(values) > 0.01
    windows = generator.conditions_.describe(scan[:, :8, :12])
    np.testing.assert_allclose(windows, VolumeFraction().fit_transform(scan[:, :8, :12]), atol=1e-6)
    assert generator.sample(2, random_state=0).shape == (2, 8, 12)
    assert generator.sample(1, shape=(16, 16), periodic=True, random_state=0).shape == (1, 16, 16)
    assert generator.reconstruct(scan[:, :8, :12]).shape == (1, 8, 12)
    assert generator.partial_fit(blobs(2, (20, 20))).n_iter_ == 6
    again = pickle.loads(pickle.dumps(generator)).sample(2, random_state=1)
    np.testing.assert_array_equal(again, generator.sample(2, random_state=1))


@pytest.mark.slow
@pytest.mark.usefixtures("few_scored")
def test_score_of_scans_is_that_of_their_windows_side_by_side():
    scans = blobs(2, (19, 25))
    generator = cropped(scans)
    windows = [
        scan[8 * i : 8 * i + 8, 12 * j : 12 * j + 12]
        for scan in scans
        for i in range(2)
        for j in range(2)
    ]
    assert generator.score(scans) == generator.score(np.stack(windows))
    assert generator.score(scans[:1]) != generator.score(scans)
    assert generator.score(scans[:, :8, :12]) == generator.score(np.stack(windows[::4]))
    flat = cropped(scans.reshape(2, -1), image_shape=(19, 25))
    assert flat.score(scans.reshape(2, -1)) == generator.score(scans)
    volumes = blobs(2, (9, 8, 13))
    windows = volumes[:, :8, :, :12].reshape(2, 2, 4, 8, 2, 6).swapaxes(3, 4).swapaxes(2, 3)
    generator = cropped(volumes, crop_shape=(4, 8, 6))
    assert generator.score(volumes) == generator.score(windows.reshape(8, 4, 8, 6))


@pytest.mark.usefixtures("few_scored")
def test_scans_can_be_cross_validated():
    scans, settings = blobs(3, (16, 24)), {"crop_shape": (8, 12)}
    generator = FlowMatchingGenerator(**TINY | settings)
    scores = cross_val_score(generator, scans, cv=3)
    expected = [cropped(np.delete(scans, k, axis=0)).score(scans[k : k + 1]) for k in range(3)]
    np.testing.assert_array_equal(scores, expected)


@pytest.mark.parametrize("settings", [{}, {"crop_shape": (8, 12)}])
def test_score_needs_a_fitted_generator(settings):
    with pytest.raises(NotFittedError):
        FlowMatchingGenerator(**settings).score(blobs(2))


def test_scans_without_a_window_have_no_score():
    with pytest.raises(ValueError, match=r"crop_shape must fit into the images \(8, 11\)"):
        cropped(blobs(1, (30, 25))).score(blobs(1, (8, 11)))
    with pytest.raises(ValueError, match=r"only the phases \[0, 1\]"):
        cropped(blobs(1, (30, 25))).score(2 * blobs(1, (30, 25)))


def test_crop_shape_reads_flat_rows():
    scans = blobs(3, (10, 14))
    nd = cropped(scans).sample(2, random_state=0)
    flat = cropped(scans.reshape(3, -1), image_shape=(10, 14)).sample(2, random_state=0)
    np.testing.assert_array_equal(flat, nd.reshape(2, -1))


def stripes(n, p1, seed=0):
    """Layers along the first axis, with a share p1 of phase 1."""
    noise = np.cumsum(np.random.default_rng(seed).standard_normal((n, 8, 8)), axis=1)
    return np.stack([field > np.quantile(field, 1 - p1) for field in noise]).astype(np.uint8)


def distance(generator, other):
    pairs = zip(generator.generator_.parameters(), other.generator_.parameters(), strict=True)
    return sum((mine - its).square().sum().item() for mine, its in pairs) ** 0.5


@pytest.mark.slow
def test_fine_tuning_comes_near_a_new_material_and_stays_near_the_old_network(monkeypatch):
    monkeypatch.setattr(_model, "BATCH_SIZE", 60)
    monkeypatch.setattr(_base, "SCORE_SAMPLES", 60)
    start = FlowMatchingGenerator(conditions=(), **TINY | STRIPES).fit(stripes(48, 0.2))
    new = stripes(4, 0.5, seed=1)
    before = abs(start.sample(60, random_state=0).mean() - 0.5)
    tuned = copy.deepcopy(start).fine_tune(new, n_iter=60)
    assert abs(tuned.sample(60, random_state=0).mean() - 0.5) < 0.5 * before
    assert tuned.score(new) > start.score(new)
    trained = copy.deepcopy(start).partial_fit(new)
    assert 0 < distance(tuned, start) < 0.5 * distance(trained, start)
    assert tuned.n_iter_ == trained.n_iter_ == 120
    assert len(tuned.history_["matching"]) == 120
    np.testing.assert_array_equal(tuned.history_["matching"][:60], start.history_["matching"])


def test_fine_tuning_replaces_the_conditions_of_the_training_images():
    generator = fitted()
    whitenings = generator.conditions_.whitenings
    new = stripes(5, 0.125, seed=1).repeat(2, axis=1).repeat(2, axis=2)
    generator.fine_tune(new, n_iter=2)
    np.testing.assert_allclose(generator.conditions_.rows, 0.125)
    np.testing.assert_allclose(generator.conditions_.ranges["p1"], 0.125)
    assert generator.conditions_.whitenings == whitenings  # which the network was made with
    _, targets = generator.sample(3, random_state=0, return_targets=True)
    np.testing.assert_allclose(targets["p1"], 0.125)
    with pytest.warns(ExtrapolationWarning, match=r"they cover \[0.125, 0.125\]"):
        generator.sample(1, p1=0.5, random_state=0)
    again = pickle.loads(pickle.dumps(generator))
    np.testing.assert_array_equal(
        again.sample(2, random_state=1), generator.sample(2, random_state=1)
    )


def test_fine_tuning_keeps_the_parameters_and_is_reproducible():
    generator = fitted()
    again, parameters = copy.deepcopy(generator), generator.get_params()
    new = blobs(5, (16, 16))
    assert generator.fine_tune(new, n_iter=3) is generator
    assert generator.get_params() == parameters
    np.testing.assert_array_equal(
        generator.sample(2, random_state=0),
        again.fine_tune(new, n_iter=3).sample(2, random_state=0),
    )


def test_fine_tuning_takes_one_image_and_arguments_as_fit_does():
    heat = np.linspace(0.0, 1.0, 24)
    generator = fitted(conditions=("p1",))
    new = blobs(1)
    tuned = copy.deepcopy(generator).fine_tune(new, n_iter=2)
    np.testing.assert_allclose(tuned.conditions_.rows, [[new.mean()]], rtol=1e-6)
    with pytest.raises(TypeError, match="positional"):
        generator.fine_tune(new, None, 2)
    generator = FlowMatchingGenerator(conditions=("y",), **TINY).fit(blobs(), heat)
    generator.fine_tune(new, [5.0], n_iter=2)
    np.testing.assert_array_equal(generator.conditions_.rows, [[5.0]])
    assert generator.n_iter_ == 5
    assert len(generator.partial_fit(new, [7.0]).conditions_.rows) == 2


def test_fine_tuning_with_crop_shape_takes_one_image_of_any_size():
    generator = cropped(blobs(1, (30, 25)))
    generator.fine_tune(blobs(1, (18, 20)), n_iter=2)
    assert generator.n_iter_ == 5
    assert len(generator.conditions_.rows) == 1024


@pytest.mark.parametrize(
    ("settings", "X", "n_iter", "error", "message"),
    [
        ({}, blobs(4), 0, ValueError, "n_iter must be >= 1, got 0"),
        ({}, blobs(4), 1.5, TypeError, "n_iter must be an integer, got 1.5"),
        ({}, blobs(4, (8, 8)), 2, ValueError, r"images of shape \(16, 16\)"),
        ({}, 2 * blobs(4), 2, ValueError, r"only the phases \[0, 1\] seen in fit, got \[2\]"),
        ({"width": 6}, blobs(4), 2, ValueError, "width must stay as it was in fit"),
        ({"conditions": ("p2",)}, blobs(4), 2, ValueError, "conditions must stay as"),
        ({"learning_rate": 0.0}, blobs(4), 2, ValueError, "learning_rate must lie in"),
    ],
)
def test_fine_tuning_refuses_and_leaves_the_generator_as_it_was(
    settings, X, n_iter, error, message
):
    generator = fitted().set_params(**settings)
    before = dict(vars(generator))
    images = FlowMatchingGenerator.sample(fitted(), 2, random_state=0)
    with pytest.raises(error, match=message):
        generator.fine_tune(X, n_iter=n_iter)
    assert vars(generator) == before
    changed = set(settings) & {"width", "conditions", "learning_rate"}
    generator.set_params(**{name: fitted().get_params()[name] for name in changed})
    np.testing.assert_array_equal(generator.sample(2, random_state=0), images)


def test_fine_tuning_needs_a_fitted_generator():
    with pytest.raises(NotFittedError):
        FlowMatchingGenerator().fine_tune(blobs(4))


def test_divergence_leaves_the_network_as_it_was():
    generator = fitted()
    images = generator.sample(2, random_state=0)
    generator.set_params(learning_rate=1e30)
    with pytest.raises(DivergenceError):
        generator.fine_tune(blobs(4), n_iter=20)
    assert generator.n_iter_ == 3
    np.testing.assert_array_equal(generator.sample(2, random_state=0), images)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"crop_shape": (8, 40)}, r"crop_shape must fit into the images \(16, 16\), got \(8, 40\)"),
        ({"crop_shape": (4, 4, 4)}, "crop_shape must fit into"),
        (
            {"crop_shape": (8, 8), "periodic": True},
            "periodic must be None or False with crop_shape.*True",
        ),
        ({"n_steps": 0}, "n_steps must be >= 1, got 0"),
        ({"method": "rk4"}, r"method must be one of \['euler', 'heun', 'midpoint'\], got 'rk4'"),
        ({"guidance": np.nan}, "guidance must lie in .*nan"),
        ({"p_drop": 1.0}, r"p_drop must lie in \[0, 1\), got 1.0"),
        ({"p_drop": -0.1}, r"p_drop must lie in \[0, 1\), got -0.1"),
        ({"width": 1}, "width must be >= 2, got 1"),
        ({"coarse_width": 1}, "coarse_width must be >= 2, got 1"),
        ({"periodic": "yes"}, "periodic must be one of .*got 'yes'"),
        ({"average_decay": 1.0}, r"average_decay must lie in \[0, 1\), got 1.0"),
        ({"decay_from": 1.1}, r"decay_from must lie in \[0, 1\], got 1.1"),
        ({"conditions": ("p1", "p1")}, "conditions must have different names"),
        ({"symmetries": ("scaling",)}, r"symmetries\[0\] must be one of"),
    ],
)
def test_parameters(settings, message):
    with pytest.raises(ValueError, match=message):
        FlowMatchingGenerator(**TINY | settings).fit(blobs(4))


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"n_steps": 0}, ValueError, "n_steps must be >= 1, got 0"),
        ({"n_steps": 2.5}, TypeError, "n_steps must be an integer, got 2.5"),
        ({"method": "rk4"}, ValueError, "method must be one of .*got 'rk4'"),
        ({"guidance": np.nan}, ValueError, "guidance must lie in .*nan"),
        ({"guidance": 2.0}, ValueError, "guidance must be 1 where training .*got 2.0"),
    ],
)
def test_sampling_parameters_are_checked_after_fit_as_well(settings, error, message):
    generator = fitted().set_params(**settings)
    X = blobs(1)
    for call in (
        lambda: generator.sample(1),
        lambda: generator.transform(X),
        lambda: generator.inpaint(X, np.ones((16, 16), bool)),
    ):
        with pytest.raises(error, match=message):
            call()


def test_saved_file_keeps_the_settings_of_sampling(tmp_path):
    generator = fitted().set_params(n_steps=3, method="heun")
    generator.save(tmp_path / "flow.skm")
    loaded = skmicro.load(tmp_path / "flow.skm")
    assert (loaded.n_steps, loaded.method) == (3, "heun")
    np.testing.assert_array_equal(
        loaded.sample(2, random_state=0), generator.sample(2, random_state=0)
    )
