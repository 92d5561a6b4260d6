"""One engine: the same numbers as a bare loop, resumed bit for bit, stopped without loss."""

import copy
import math
from functools import cache

import numpy as np
import pytest
import torch
from torch import nn

import skmicro
from skmicro import __version__
from skmicro._random import torch_generator
from skmicro.exceptions import DivergenceError, TrainingInterruptedWarning
from skmicro.generators import WGANGP, InvNetGenerator
from skmicro.images import PhaseEncoder
from skmicro.losses import ADVERSARIAL_LOSSES, GradientPenalty
from skmicro.networks import build, light_critic, light_generator
from skmicro.persistence import read_tree, write_tree
from skmicro.training import (
    Batch,
    ImageBatches,
    Projection,
    RowAdam,
    RowAscent,
    RowGaussNewton,
    RowLBFGS,
    adversarial_step,
    averaging,
    run,
    search_latents,
)
from skmicro.training.averaging import WeightAverage, measure_batch_statistics

WASSERSTEIN = ADVERSARIAL_LOSSES["wasserstein"]
SHAPE = (8, 8)


class SmallGenerator(nn.Module):
    n_latent = 3

    def __init__(self):
        super().__init__()
        self.stem = nn.Linear(4, 32)
        self.norm = nn.BatchNorm2d(2)
        self.head = nn.Conv2d(2, 2, 3, padding=1)

    def forward(self, latents, conditions):
        x = self.stem(torch.hstack([latents, conditions])).view(-1, 2, 4, 4)
        x = torch.relu(self.norm(nn.functional.interpolate(x, scale_factor=2)))
        return self.head(x).softmax(dim=1)


class SmallCritic(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 4, 2, 1)
        self.head = nn.Linear(64, 1)

    def forward(self, images):
        return self.head(torch.tanh(self.conv(images)).flatten(1)).squeeze(1)


def small_networks(seed=0):
    return [
        build(make, torch_generator(seed, k))
        for k, make in enumerate((SmallGenerator, SmallCritic))
    ]


def images_of(n=10, seed=0, dtype=np.uint8):
    rng = np.random.default_rng(seed)
    noise = rng.random((n, *SHAPE))
    smooth = noise + np.roll(noise, 1, 1) + np.roll(noise, 1, 2) + np.roll(noise, (1, 1), (1, 2))
    return (smooth < rng.uniform(1.6, 2.4, (n, 1, 1))).astype(dtype)


def batches_of(images, batch_size=4, seed=0):
    encoder = PhaseEncoder(np.array([0, 1]), images.dtype)
    conditions = images.mean(axis=(1, 2), dtype=np.float64)[:, None]
    return ImageBatches(
        images, encoder, conditions, batch_size=batch_size, seed=seed,
        device=torch.device("cpu"), dtype=torch.float32,
    )  # fmt: skip


def fraction_error(images, batch):
    return (images[:, 1].mean(dim=(1, 2)) - batch.conditions[:, 0]).square().mean()


def unchanged(images):
    return images


def small_step(n_critic=2, projections=(), seed=0, **options):
    generator, critic = small_networks()
    return adversarial_step(
        generator, critic, WASSERSTEIN, learning_rate=1e-2, rng=torch_generator(seed, 9),
        n_critic=n_critic, penalties=[GradientPenalty(10.0)], projections=projections, **options,
    )  # fmt: skip


def weights_of(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def assert_same_weights(a, b):
    assert a.keys() == b.keys()
    for name in a:
        assert torch.equal(a[name], b[name]), name


def bare_loop(n_iter, n_critic, n_steps, average_decay, decay_from):
    """Gulrajani et al. 2017, Alg. 1, with the projection of Joshi et al. 2020, in plain torch."""
    generator, critic = small_networks()
    average = [p.detach().clone() for p in generator.parameters()]

    def adam(parameters, rate):
        return torch.optim.Adam(parameters, lr=rate, betas=(0.0, 0.9), fused=True)

    optimizers = {
        "generator": (adam(generator.parameters(), 1e-2), 1e-2),
        "critic": (adam(critic.parameters(), 1e-2), 1e-2),
        "projection": (adam(generator.parameters(), 3e-3), 3e-3),
    }
    rng = torch_generator(0, 9)
    batches = batches_of(images_of())

    def latents():
        return torch.randn(4, 3, generator=rng)

    for iteration in range(n_iter):
        progress = iteration / n_iter
        for optimizer, rate in optimizers.values():
            if progress >= decay_from:
                optimizer.param_groups[0]["lr"] = rate * (1 - progress) / (1 - decay_from)
        for _ in range(n_critic):
            real, conditions = next(batches)
            with torch.no_grad():
                fake = generator(latents(), conditions)
            scores = critic(torch.cat([real, fake]))
            loss = scores[4:].mean() - scores[:4].mean()
            mix = torch.rand(4, generator=rng).view(4, 1, 1, 1)
            between = (fake + mix * (real - fake)).requires_grad_(True)
            between = torch.lerp(fake, real, mix).requires_grad_(True)
            (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
            loss = loss + 10.0 * (slope.flatten(1).norm(dim=1) - 1).square().mean()
            optimizers["critic"][0].zero_grad()
            loss.backward()
            optimizers["critic"][0].step()
        batch = next(batches)
        fake = generator(latents(), batch.conditions)
        loss = -critic(fake).mean()
        if n_steps == 0:
            loss = loss + fraction_error(fake, batch)
        optimizers["generator"][0].zero_grad()
        loss.backward()
        optimizers["generator"][0].step()
        for _ in range(n_steps or 0):
            optimizers["projection"][0].zero_grad()
            fraction_error(generator(latents(), batch.conditions), batch).backward()
            optimizers["projection"][0].step()
        for mean, weight in zip(average, generator.parameters(), strict=True):
            decay = min(average_decay, (iteration + 2) / (iteration + 11))
            mean.lerp_(weight.detach(), 1.0 - decay)
    return generator, critic, average


@pytest.mark.parametrize("n_critic", [1, 3])
@pytest.mark.parametrize("n_steps", [None, 0, 2])
@pytest.mark.parametrize("decay_from", [1.0, 0.4])
def test_the_step_is_the_bare_loop_bit_for_bit(n_critic, n_steps, decay_from):
    projections = []
    if n_steps is not None:
        projections = [Projection([fraction_error], unchanged, n_steps, 3e-3)]
    step = small_step(n_critic, projections, average_decay=0.7, decay_from=decay_from)
    run(step, batches_of(images_of()), 3)
    generator, critic, average = bare_loop(3, n_critic, n_steps, 0.7, decay_from)
    assert_same_weights(weights_of(step.modules["generator"]), weights_of(generator))
    assert_same_weights(weights_of(step.modules["critic"]), weights_of(critic))
    for mean, expected in zip(step.modules["average"].parameters(), average, strict=True):
        assert torch.equal(mean, expected)


@pytest.mark.parametrize("n_critic", [1, 4])
@pytest.mark.parametrize("n_steps", [0, 3])
def test_every_iteration_does_the_asked_number_of_updates(n_critic, n_steps):
    class Counted:
        def __init__(self):
            self.batches, self.n = batches_of(images_of()), 0

        def __next__(self):
            self.n += 1
            return next(self.batches)

    calls = []

    def term(images, batch):
        calls.append(batch.conditions.clone())
        return fraction_error(images, batch)

    step = small_step(n_critic, [Projection([term], unchanged, n_steps, 1e-3)])
    counted = Counted()
    losses = step(counted)
    assert counted.n == n_critic + 1
    assert len(calls) == max(n_steps, 1)
    assert all(torch.equal(call, calls[0]) for call in calls)
    assert set(losses) == {"critic", "penalty", "generator", "projection0"}
    done = {name: o.state_dict()["state"][0]["step"] for name, o in step.optimizers.items()}
    expected = {"generator": 1, "critic": n_critic}
    assert done == expected | ({"projection0": n_steps} if n_steps else {})


def test_a_projection_of_its_own_reaches_its_target():
    step = small_step(1, [Projection([fraction_error], unchanged, 10, 1e-2)])
    losses = run(step, batches_of(images_of()), 25).as_arrays()["projection0"]
    assert losses[-5:].mean() < 0.2 * losses[:2].mean()


def test_the_projection_measures_what_it_is_told_to():
    seen = []
    projection = Projection(
        [lambda images, batch: images.sum()] * 2, lambda c: seen.append(c) or 2.0 * c
    )
    channels = torch.ones(3, 2, 4, 4)
    assert projection.loss(channels, None).item() == 2 * 2.0 * channels.numel()
    assert len(seen) == 1


def test_augmentation_moves_real_images_only():
    moved = []

    def roll(images, rng):
        moved.append(images)
        return images.roll(1, 2)

    step = small_step(1, augment=roll)
    batches = batches_of(images_of())
    real = [next(batches_of(images_of())).images]
    step(batches)
    assert len(moved) == 1
    assert torch.equal(moved[0], real[0])


def test_learning_rates_fall_linearly_to_zero():
    step, batches = small_step(decay_from=0.6), batches_of(images_of())
    rates = []
    for k in range(10):
        step(batches, k / 10)
        rates.append(step.optimizers["critic"].param_groups[0]["lr"])
    np.testing.assert_allclose(rates, 1e-2 * np.minimum(1, (1 - np.arange(10) / 10) / 0.4))


def test_constant_learning_rates():
    step = small_step(decay_from=1.0)
    step(batches_of(images_of()), 0.999)
    assert step.optimizers["generator"].param_groups[0]["lr"] == 1e-2


def test_a_longer_training_takes_up_the_rate_that_belongs_to_its_progress():
    step, batches = small_step(decay_from=0.5), batches_of(images_of())
    step(batches, 0.9)
    step(batches, 0.2)
    assert step.optimizers["critic"].param_groups[0]["lr"] == 1e-2


def test_the_average_follows_the_weights_by_its_formula():
    layer = build(lambda: nn.Linear(3, 2), torch_generator(0), dtype=torch.float64)
    average = WeightAverage(layer, 0.8)
    expected = layer.weight.detach().clone()
    rng = torch.Generator().manual_seed(0)
    for k in range(5):
        layer.weight.data.normal_(generator=rng)
        average.update(100 + k)
        expected = 0.8 * expected + 0.2 * layer.weight.detach()
    torch.testing.assert_close(average.module.weight, expected)
    assert not average.module.weight.requires_grad


def test_the_average_forgets_faster_while_it_is_young():
    layer = build(lambda: nn.Linear(1, 1, bias=False), torch_generator(0), dtype=torch.float64)
    average = WeightAverage(layer, 0.5)
    layer.weight.data.fill_(0.0)
    start = average.module.weight.item()
    for n_updates, decay in [(1, 2 / 11), (2, 3 / 12), (8, 0.5), (100, 0.5)]:
        average.update(n_updates)
        start *= decay
        assert average.module.weight.item() == pytest.approx(start)


def test_batch_statistics_are_means_over_batches(monkeypatch):
    monkeypatch.setattr(averaging, "N_BATCHES", 6)
    network = build(
        lambda: nn.Sequential(nn.BatchNorm2d(3, momentum=0.3)), torch_generator(0)
    ).double()
    network(torch.full((2, 3, 4, 4), 99.0, dtype=torch.float64))
    rng = torch.Generator().manual_seed(0)
    inputs = [
        torch.randn(5, 3, 4, 4, generator=rng, dtype=torch.float64) * (k + 1) + k for k in range(6)
    ]
    waiting = iter(inputs)
    measure_batch_statistics(network, lambda n: n(next(waiting)))
    norm = network[0]
    means = torch.stack([x.mean(dim=(0, 2, 3)) for x in inputs]).mean(dim=0)
    variances = torch.stack([x.var(dim=(0, 2, 3)) for x in inputs]).mean(dim=0)
    torch.testing.assert_close(norm.running_mean, means)
    torch.testing.assert_close(norm.running_var, variances)
    assert norm.momentum == 0.3
    assert not network.training


def test_the_kept_generator_is_the_average_with_its_own_statistics():
    step = small_step(average_decay=0.9)
    batches = batches_of(images_of())
    run(step, batches, 3)
    average = weights_of(step.modules["average"])
    kept = step.finish(batches)
    assert set(kept) == {"generator", "critic"}
    result = weights_of(kept["generator"])
    assert torch.equal(result["head.weight"], average["head.weight"])
    assert not torch.equal(result["norm.running_mean"], average["norm.running_mean"])
    assert not any(module.training for module in kept.values())


class ScriptedStep:
    """Losses from a list; all that the loop asks of a step without checkpoints."""

    def __init__(self, losses):
        self.losses = losses
        self.progress = []

    def __call__(self, batches, progress):
        self.progress.append(progress)
        k = len(self.progress) - 1
        return {name: torch.tensor(values[k]) for name, values in self.losses.items()}


def test_history_holds_the_losses_of_every_iteration():
    losses = {"a": np.arange(130.0), "b": -np.arange(130.0)}
    history = run(ScriptedStep(losses), None, 130)
    assert history.n_iter == 130
    assert history.last() == {"a": 129.0, "b": -129.0}
    for name, values in history.as_arrays().items():
        np.testing.assert_array_equal(values, losses[name])
        assert values.dtype == np.float32


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("bad", [0, 49, 50, 77])
def test_a_loss_that_is_not_finite_is_named_with_its_iteration(value, bad):
    losses = {"good": np.zeros(80), "critic": np.zeros(80)}
    losses["critic"][bad:] = value
    with pytest.raises(DivergenceError, match=rf"the critic loss .* at iteration {bad + 1}\..*Try"):
        run(ScriptedStep(losses), None, 80)


def test_a_diverged_training_writes_no_checkpoint(tmp_path):
    losses = {"critic": np.array([0.0, 0.0, 0.0, np.nan])}
    path = tmp_path / "state.skm"
    with pytest.raises(DivergenceError):
        run(ScriptedStep(losses), batches_of(images_of()), 4, checkpoint=path, checkpoint_every=4)
    assert not path.exists()


def test_callbacks_see_every_iteration_and_stop_the_training():
    seen, others = [], []

    def stop_after_three(iteration, history):
        seen.append((iteration, history.last()["a"]))
        return iteration == 3

    history = run(
        ScriptedStep({"a": np.arange(9.0)}), None, 9,
        callbacks=[stop_after_three, lambda iteration, history: others.append(iteration)],
    )  # fmt: skip
    assert seen == [(1, 0.0), (2, 1.0), (3, 2.0)]
    assert others == [1, 2, 3]
    assert history.n_iter == 3


def test_progress_is_the_share_of_iterations_done():
    step = ScriptedStep({"a": np.zeros(4)})
    run(step, None, 4)
    assert step.progress == [0.0, 0.25, 0.5, 0.75]


@pytest.mark.parametrize("batch_size", [2, 3, 7, 10, 25])
def test_every_image_is_seen_once_per_pass(batch_size):
    images = np.arange(7, dtype=np.uint8)[:, None, None] * np.ones((1, 2, 2), np.uint8)
    encoder = PhaseEncoder(np.arange(7), np.uint8)
    batches = ImageBatches(
        images, encoder, np.arange(7.0)[:, None], batch_size=batch_size, seed=0,
        device=torch.device("cpu"), dtype=torch.float32,
    )  # fmt: skip
    seen = []
    while len(seen) < 70:
        batch = next(batches)
        assert batch.images.shape == (batch_size, 7, 2, 2)
        shown = batch.images.argmax(dim=1)[:, 0, 0]
        np.testing.assert_array_equal(shown, batch.conditions[:, 0])
        seen += shown.tolist()
    passes = np.reshape(seen[:70], (10, 7))
    assert all(sorted(one) == list(range(7)) for one in passes.tolist())
    assert len({tuple(one) for one in passes.tolist()}) > 5


def test_batches_resume_where_their_state_was_taken():
    batches = batches_of(images_of(), batch_size=3)
    for _ in range(5):
        next(batches)
    state = copy.deepcopy(batches.state_dict())
    following = [next(batches) for _ in range(7)]
    resumed = batches_of(images_of(), batch_size=3, seed=99)
    resumed.load_state_dict(state)
    for batch in following:
        again = next(resumed)
        assert torch.equal(again.images, batch.images)
        assert torch.equal(again.conditions, batch.conditions)


SMALL = {
    "architecture": "light",
    "n_latent": 2,
    "width": 4,
    "n_iter": 6,
    "batch_size": 4,
    "n_critic": 2,
    "learning_rate": 1e-2,
    "random_state": 0,
    "device": "cpu",
    "checkpoint_every": 2,
}
KINDS = {
    "WGANGP": lambda **options: WGANGP(**(SMALL | options)),
    "WGANGP averaged": lambda **options: WGANGP(
        **(SMALL | {"average_decay": 0.9, "decay_from": 0.5, "symmetries": ("translation",)})
        | options
    ),
    "InvNet": lambda **options: InvNetGenerator(
        invariances=("p1", "p2"), n_projection=2, **(SMALL | options)
    ),
    "InvNet averaged": lambda **options: InvNetGenerator(
        **(SMALL | {"average_decay": 0.9, "n_projection": 0, "moments": ("p2",)}) | options
    ),
    "residual": lambda **options: InvNetGenerator(
        n_projection=1, **(SMALL | {"architecture": "residual"}) | options
    ),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


@cache
def straight(kind):
    """One training without a break, which no test changes."""
    return KINDS[kind]().fit(images_of())


class PowerCut(Exception):
    pass


def stop_at(when, answer=None):
    def callback(iteration, history):
        if iteration == when:
            if answer is None:
                return True
            raise answer

    return callback


def assert_same_generator(a, b):
    assert a.n_iter_ == b.n_iter_
    assert a.history_.keys() == b.history_.keys()
    for name in a.history_:
        np.testing.assert_array_equal(a.history_[name], b.history_[name])
    assert_same_weights(weights_of(a.generator_), weights_of(b.generator_))
    assert_same_weights(weights_of(a.critic_), weights_of(b.critic_))
    np.testing.assert_array_equal(a.sample(5, random_state=0), b.sample(5, random_state=0))


@pytest.mark.representatives("WGANGP averaged", "InvNet")
@every_kind
def test_a_training_cut_short_resumes_bit_for_bit(kind, tmp_path):
    X = images_of()
    path = tmp_path / "state.skm"
    with pytest.raises(PowerCut):
        KINDS[kind](checkpoint=path, callbacks=[stop_at(3, PowerCut())]).fit(X)
    seen = []
    resumed = KINDS[kind](
        checkpoint=path, callbacks=[lambda iteration, history: seen.append(iteration)]
    ).fit(X)
    assert seen == [3, 4, 5, 6]
    assert_same_generator(resumed, straight(kind))
    assert [file.name for file in tmp_path.iterdir()] == ["state.skm"]


@pytest.mark.representatives("WGANGP averaged")
@pytest.mark.parametrize("kind", ["WGANGP averaged", "InvNet"])
def test_a_training_stopped_by_a_callback_resumes_bit_for_bit(kind, tmp_path):
    X = images_of()
    path = tmp_path / "state.skm"
    stopped = KINDS[kind](checkpoint=path, callbacks=[stop_at(4)]).fit(X)
    assert stopped.n_iter_ == 4
    assert path.exists()
    assert_same_generator(KINDS[kind](checkpoint=path).fit(X), straight(kind))


def test_a_finished_checkpoint_gives_the_generator_without_training(tmp_path):
    path = tmp_path / "state.skm"
    first = KINDS["WGANGP averaged"](checkpoint=path).fit(images_of())
    seen = []
    again = KINDS["WGANGP averaged"](
        checkpoint=path, callbacks=[lambda iteration, history: seen.append(iteration)]
    ).fit(images_of())
    assert seen == []
    assert_same_generator(again, first)


def test_a_checkpoint_can_be_carried_on_for_more_iterations(tmp_path):
    path = tmp_path / "state.skm"
    KINDS["InvNet"](checkpoint=path, n_iter=3).fit(images_of())
    longer = KINDS["InvNet"](checkpoint=path, n_iter=6).fit(images_of())
    assert_same_generator(longer, straight("InvNet"))


@pytest.mark.parametrize(
    ("change", "named"),
    [({"learning_rate": 2e-2}, "learning_rate"), ({"width": 8}, "width"),
     ({"random_state": 1}, "random_state"), ({"n_critic": 1}, "n_critic")],
)  # fmt: skip
def test_a_checkpoint_of_other_settings_is_refused(change, named, tmp_path):
    path = tmp_path / "state.skm"
    KINDS["WGANGP"](checkpoint=path, n_iter=2).fit(images_of())
    with pytest.raises(ValueError, match=f"belongs to another training: {named} was"):
        KINDS["WGANGP"](checkpoint=path, **change).fit(images_of())


def own_networks():
    """Functions that make networks, as another process has them: the same, but new objects."""

    def own_generator(*inputs, **settings):
        return light_generator(*inputs, **settings)

    def own_critic(*inputs, **settings):
        return light_critic(*inputs, **settings)

    return own_generator, own_critic


def test_a_checkpoint_of_networks_of_ones_own_resumes_in_another_process(tmp_path):
    path = tmp_path / "state.skm"
    KINDS["WGANGP"](architecture=own_networks(), checkpoint=path, n_iter=4).fit(images_of())
    resumed = KINDS["WGANGP"](architecture=own_networks(), checkpoint=path).fit(images_of())
    assert_same_generator(resumed, straight("WGANGP"))
    other = KINDS["WGANGP"](architecture=(light_generator, light_critic), checkpoint=path)
    with pytest.raises(ValueError, match="belongs to another training: architecture was"):
        other.fit(images_of())


def test_a_checkpoint_of_other_images_is_refused(tmp_path):
    path = tmp_path / "state.skm"
    KINDS["WGANGP"](checkpoint=path, n_iter=2).fit(images_of())
    message = rf"belongs to another training: data was .* written by skmicro {__version__};"
    with pytest.raises(ValueError, match=message):
        KINDS["WGANGP"](checkpoint=path).fit(images_of(seed=1))


def test_a_checkpoint_of_an_earlier_revision_says_so_where_it_knows_no_such_setting(tmp_path):
    path = tmp_path / "state.skm"
    KINDS["WGANGP"](checkpoint=path, n_iter=2).fit(images_of())
    tree = read_tree(path)
    del tree["version"], tree["fingerprint"]["width"]
    write_tree(path, tree)
    message = rf"width was 'unknown', now '.*written by skmicro {__version__} or earlier"
    with pytest.raises(ValueError, match=message):
        KINDS["WGANGP"](checkpoint=path).fit(images_of())


def test_a_saved_estimator_is_no_checkpoint(tmp_path):
    path = tmp_path / "model.skm"
    KINDS["WGANGP"](n_iter=1).fit(images_of()).save(path)
    with pytest.raises(ValueError, match="checkpoint must name a training checkpoint"):
        KINDS["WGANGP"](checkpoint=path).fit(images_of())


def test_a_damaged_checkpoint_is_refused(tmp_path):
    path = tmp_path / "state.skm"
    path.write_bytes(b"damaged")
    with pytest.raises(ValueError, match="not a file saved by skmicro"):
        KINDS["WGANGP"](checkpoint=path).fit(images_of())


@pytest.mark.parametrize("kind", ["WGANGP averaged", "InvNet"])
def test_a_keyboard_interrupt_leaves_a_usable_estimator(kind):
    with pytest.warns(TrainingInterruptedWarning, match="after 4 of 6 iterations"):
        generator = KINDS[kind](callbacks=[stop_at(4, KeyboardInterrupt())]).fit(images_of())
    assert generator.n_iter_ == 4
    assert all(len(losses) == 4 for losses in generator.history_.values())
    stopped = KINDS[kind](callbacks=[stop_at(4)]).fit(images_of())
    assert_same_generator(generator, stopped)


def test_a_divergence_leaves_the_estimator_as_it_was():
    generator = KINDS["WGANGP"](n_iter=3).fit(images_of())
    samples = generator.sample(4, random_state=0)
    before = dict(vars(generator))
    generator.set_params(learning_rate=1e30)
    message = r"the \w+ loss was not finite at iteration \d+.*, a larger gradient_penalty or"
    with pytest.raises(DivergenceError, match=message):
        generator.fit(images_of(seed=1))
    assert vars(generator) == before | {"learning_rate": 1e30}
    np.testing.assert_array_equal(generator.sample(4, random_state=0), samples)


def test_a_divergence_in_partial_fit_leaves_the_networks_as_they_were():
    generator = KINDS["WGANGP"](n_iter=3).fit(images_of())
    weights = weights_of(generator.generator_), weights_of(generator.critic_)
    generator.set_params(learning_rate=1e30)
    with pytest.raises(DivergenceError):
        generator.partial_fit(images_of())
    assert_same_weights(weights_of(generator.generator_), weights[0])
    assert_same_weights(weights_of(generator.critic_), weights[1])
    assert generator.n_iter_ == 3


def test_an_unfitted_estimator_stays_unfitted_after_an_error():
    generator = KINDS["InvNet"](callbacks=[stop_at(2, PowerCut())])
    before = dict(vars(generator))
    with pytest.raises(PowerCut):
        generator.fit(images_of())
    assert vars(generator) == before


class Recorder:
    """A callback of scikit-learn's protocol that keeps what it is given."""

    def __init__(self, stop_after=None):
        self.stop_after = stop_after
        self.begun, self.losses, self.samples, self.ended = 0, [], [], []

    def setup(self, estimator, context):
        self.ended.append("setup")

    def teardown(self, estimator, context):
        self.ended.append("teardown")

    def on_fit_task_begin(
        self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None
    ):
        self.begun += context.task_name == "iteration"

    def on_fit_task_end(
        self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None
    ):
        if context.task_name != "iteration":
            self.ended.append(fitted_estimator.sample(2, random_state=0))
            return False
        self.losses.append({name: h[-1] for name, h in fitted_estimator.history_.items()})
        self.samples.append(fitted_estimator.sample(2, random_state=0))
        return len(self.losses) == self.stop_after


@pytest.fixture
def recorder():
    pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks from 1.9 on")
    return Recorder()


@pytest.mark.representatives("InvNet")
@pytest.mark.parametrize("kind", ["WGANGP", "InvNet"])
def test_callbacks_of_scikit_learn_see_each_iteration(kind, recorder):
    plain = KINDS[kind](n_iter=4).fit(images_of())
    generator = KINDS[kind](n_iter=4)
    generator.set_callbacks(recorder)
    generator.fit(images_of())
    assert recorder.begun == 4
    assert len(recorder.losses) == 4
    for name, losses in generator.history_.items():
        np.testing.assert_allclose([seen[name] for seen in recorder.losses], losses, rtol=1e-6)
    assert_same_generator(generator, plain)
    expected = generator.sample(2, random_state=0)
    np.testing.assert_array_equal(recorder.samples[-1], expected)
    np.testing.assert_array_equal(recorder.ended[1], expected)
    assert recorder.ended[0] == "setup"
    assert recorder.ended[2] == "teardown"


def test_the_estimator_handed_to_callbacks_knows_how_far_it_was_trained(recorder):
    seen = []

    def look(estimator, context, *, fitted_estimator=None, **data):
        if context.task_name == "iteration":
            seen.append((fitted_estimator.n_iter_, len(fitted_estimator.history_["critic"])))

    recorder.on_fit_task_end = look
    generator = KINDS["WGANGP"](n_iter=3)
    generator.set_callbacks(recorder)
    generator.fit(images_of())
    assert seen == [(1, 1), (2, 2), (3, 3)]


def test_a_callback_of_scikit_learn_stops_the_training(recorder):
    recorder.stop_after = 3
    generator = KINDS["WGANGP averaged"]()
    generator.set_callbacks(recorder)
    generator.fit(images_of())
    assert generator.n_iter_ == 3
    assert_same_generator(
        generator, KINDS["WGANGP averaged"](callbacks=[stop_at(3)]).fit(images_of())
    )


def test_an_estimator_with_callbacks_can_be_saved(recorder, tmp_path):
    generator = KINDS["WGANGP"](n_iter=1, callbacks=[stop_at(9)])
    generator.set_callbacks(recorder)
    generator.fit(images_of()).save(tmp_path / "model.skm")
    loaded = skmicro.load(tmp_path / "model.skm")
    np.testing.assert_array_equal(
        loaded.sample(2, random_state=0), generator.sample(2, random_state=0)
    )


def quadratic(minimum, calls=None):
    def measure(points, rows):
        if calls is not None:
            calls.append(len(points))
        loss = (points - minimum[rows]).square().sum(dim=1)
        return loss, loss.detach().sqrt()

    return measure


every_descent = pytest.mark.parametrize("descent", [RowAdam, RowLBFGS])


@every_descent
def test_search_finds_the_minimum_of_a_quadratic(descent):
    minimum = torch.tensor([[1.0, -0.5, 0.2], [0.0, 0.3, -0.7]])
    best, error = search_latents(
        quadratic(minimum), torch.zeros(1, 2, 3), descent=descent, n_steps=400
    )
    torch.testing.assert_close(best, minimum, atol=2e-3, rtol=0)
    torch.testing.assert_close(error, (best - minimum).norm(dim=1))


def test_adam_by_rows_is_that_of_torch():
    minimum, start = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(0))
    point, mine = start.clone().requires_grad_(True), start
    optimizer, descent = torch.optim.Adam([point], lr=0.05), RowAdam(start)
    for _ in range(20):
        point.grad = (point - minimum).detach() ** 3
        mine = descent.step(mine, None, (mine - minimum) ** 3)
        optimizer.step()
    torch.testing.assert_close(mine, point.detach(), atol=1e-6, rtol=1e-5)


def linear(slopes, wanted, told=1.0):
    """Residuals of linear functions, whose gradients are told too large by a factor."""

    def measure(points, rows):
        exact = points @ slopes.T - wanted[rows]
        residuals = told * exact + (1.0 - told) * exact.detach()
        return residuals, exact.detach().norm(dim=1)

    return measure


def test_gauss_newton_takes_the_shortest_steps():
    rng = torch.Generator().manual_seed(0)
    slopes = torch.randn(2, 6, generator=rng, dtype=torch.float64)
    start, wanted = torch.zeros(1, 3, 6, dtype=torch.float64), 0.1 * torch.eye(3, 2).double()
    best, error = search_latents(
        linear(slopes, wanted), start, descent=RowGaussNewton, n_steps=2, tolerance=1e-3
    )
    shortest = wanted @ torch.linalg.pinv(slopes).T
    torch.testing.assert_close(best, shortest, atol=2e-4, rtol=0)
    assert error.max() <= 1e-3


@pytest.mark.parametrize("told", [0.4, 2.5])
def test_gauss_newton_learns_by_how_much_gradients_are_wrong(told):
    slopes = torch.tensor([[3.0, 4.0]])
    descent = RowGaussNewton(torch.zeros(1, 2))
    measure, wanted, lengths = linear(slopes, torch.tensor([[1.0]]), told), torch.zeros(1, 2), []
    for _ in range(8):
        point = wanted.requires_grad_(True)
        value, _ = measure(point, torch.tensor([0]))
        (gradient,) = torch.autograd.grad(value.sum(), point)
        wanted = descent.step(point.detach(), value.detach(), gradient[:, None])
        lengths.append(abs(value.item()))
    assert lengths[-1] < 1e-3
    assert descent.gain.item() == pytest.approx(1.0 / told, rel=0.2)


def test_gauss_newton_goes_no_farther_than_its_reach():
    far = torch.tensor([[100.0]])
    options = {"descent": RowGaussNewton, "n_steps": 8}
    best, _ = search_latents(
        linear(torch.tensor([[0.6, 0.8]]), far), torch.zeros(1, 1, 2), **options
    )
    torch.testing.assert_close(best, RowGaussNewton.reach * torch.tensor([[0.6, 0.8]]))


def test_ascent_gains_while_other_residuals_vanish():
    def measure(points, rows):
        gained = points[:, 1:2] - points[:, 1:2].detach()
        return torch.cat([points[:, :1] - 1.0, gained - 0.1], dim=1), -points[:, 1].detach()

    best, _ = search_latents(
        measure, torch.zeros(1, 1, 3), descent=RowAscent, n_steps=10, tolerance=-math.inf
    )
    torch.testing.assert_close(best, torch.tensor([[1.0, 1.0, 0.0]]), atol=2e-3, rtol=0)


def test_curvature_is_learned_where_gradients_differ_by_orders_of_magnitude():
    rng = torch.Generator().manual_seed(0)
    axes = torch.linalg.qr(torch.randn(8, 8, generator=rng, dtype=torch.float64))[0]
    scales = 10.0 ** torch.linspace(0, 2, 8, dtype=torch.float64)

    def measure(points, _):
        loss = (scales * (points @ axes).square()).sum(dim=1)
        return loss, loss.detach()

    start = torch.ones(1, 1, 8, dtype=torch.float64)
    errors = {
        descent: search_latents(measure, start, descent=descent, n_steps=50)[1].item()
        for descent in (RowAdam, RowLBFGS)
    }
    assert errors[RowLBFGS] < 0.01 * errors[RowAdam]


def test_search_starts_from_the_best_candidate_of_each_row():
    minimum = torch.tensor([[1.0], [5.0]])
    candidates = torch.tensor([[[0.9], [0.0]], [[9.0], [4.9]]])
    best, error = search_latents(quadratic(minimum), candidates, descent=RowAdam, n_steps=0)
    torch.testing.assert_close(best, torch.tensor([[0.9], [4.9]]))
    torch.testing.assert_close(error, torch.tensor([0.1, 0.1]))


def test_rows_within_the_tolerance_stay_where_they_are():
    minimum = torch.zeros(2, 2)
    start = torch.tensor([[[0.05, 0.0], [2.0, 1.0]]])
    options = {"descent": RowAdam, "n_steps": 200, "tolerance": 0.1}
    best, error = search_latents(quadratic(minimum), start, **options)
    assert torch.equal(best[0], start[0, 0])
    assert error[1] <= 0.1
    assert error[1] > 0.0


def test_the_work_of_a_search_is_bounded_and_ends_when_all_rows_are_met():
    calls = []
    start, measure = torch.full((5, 3, 2), 4.0), quadratic(torch.zeros(3, 2), calls)
    search_latents(measure, start, descent=RowAdam, n_steps=17)
    # 15 candidates, and three rows: once in a full batch, then in one of four.
    assert calls == [16] + [16] + [4] * 18
    calls.clear()
    search_latents(measure, start, descent=RowAdam, n_steps=17, tolerance=6.0)
    assert calls == [16, 16]


def test_rows_that_have_arrived_or_halted_are_not_evaluated_any_more():
    calls, measured = [], quadratic(torch.zeros(16, 2))

    def measure(points, rows):
        calls.append(sorted(set(rows.tolist())))
        loss, error = measured(points, rows)
        stuck = rows >= 14
        return torch.where(stuck, 7.0 + 0.0 * loss, loss), torch.where(stuck, 7.0, error)

    start = torch.linspace(0.2, 3.0, 16)[None, :, None].expand(-1, -1, 2)
    _, errors = search_latents(measure, start, descent=RowLBFGS, n_steps=60, tolerance=0.1)
    assert (errors[:14] <= 0.1).all()
    assert (errors[14:] == 7.0).all()
    assert len(calls) < 40
    assert not {0, 14, 15} & set(calls[-1])


def test_batches_stay_full_where_smaller_ones_differ():
    calls, measured = [], quadratic(torch.zeros(1, 2))

    def measure(points, rows):
        calls.append(len(points))
        loss, error = measured(points, rows)
        return loss * (1.0 + 1e-6 * (len(points) < 16)), error

    search_latents(measure, torch.ones(1, 1, 2), descent=RowAdam, n_steps=5)
    assert calls == [16] + [16] + [2] + [16] * 5


@every_descent
def test_rows_do_not_see_each_other(descent):
    rng = torch.Generator().manual_seed(0)
    minimum, start = torch.randn(2, 20, 3, generator=rng)
    options = {"descent": descent, "n_steps": 30, "tolerance": 0.5}
    whole, errors = search_latents(quadratic(minimum), start[None], **options)
    for rows in ([0], [5, 1], [4, 3, 2], [*range(19, 0, -1)]):
        best, error = search_latents(quadratic(minimum[rows]), start[None, rows], **options)
        assert torch.equal(best, whole[rows])
        assert torch.equal(error, errors[rows])


def test_the_best_point_passed_is_kept():
    def measure(points, _):
        return points.sum(dim=1), (points[:, 0].detach() - 0.3).abs()

    best, error = search_latents(measure, torch.ones(1, 1, 1), descent=RowAdam, n_steps=40)
    assert error.item() < 0.026
    assert best.item() == pytest.approx(0.3, abs=0.026)


def test_the_prior_pulls_towards_the_norm_at_the_start():
    start, options = torch.tensor([[[3.0, 4.0]]]), {"descent": RowAdam, "n_steps": 300}
    free, _ = search_latents(quadratic(torch.zeros(1, 2)), start, **options)
    held, _ = search_latents(quadratic(torch.zeros(1, 2)), start, prior=1e4, **options)
    assert free.norm() < 0.05
    assert held.norm() > 4.5


def test_the_step_state_survives_a_round_trip():
    step = small_step(average_decay=0.5)
    batches = batches_of(images_of())
    run(step, batches, 2)
    state = copy.deepcopy((step.state_dict(), batches.state_dict()))
    run(step, batches, 2)
    other, others = small_step(seed=5, average_decay=0.5), batches_of(images_of(), seed=5)
    other.load_state_dict(state[0])
    others.load_state_dict(state[1])
    run(other, others, 2)
    for name, module in step.modules.items():
        assert_same_weights(weights_of(other.modules[name]), weights_of(module))


def test_batches_are_pairs_of_images_and_their_conditions():
    batch = next(batches_of(images_of()))
    assert isinstance(batch, Batch)
    torch.testing.assert_close(batch.images[:, 1].mean(dim=(1, 2)), batch.conditions[:, 0])
