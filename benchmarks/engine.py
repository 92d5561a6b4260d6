"""Overhead of the training engine over the same updates written as a bare loop.

The bare loop is what one would write by hand for one method: networks, Adam, gradient
penalty, weight average, a shuffled index into images encoded beforehand; no history,
callbacks, guards or checkpoints. Both train the light networks at 64 x 64 in batches of
16 from the same seeds, in turn, on one thread, and must end with the same weights bit for
bit. The ratio is the median over pairs of blocks; the goal is at most 1.05.

Run ``python benchmarks/engine.py``; it takes about two minutes.
"""

import argparse
import time

import numpy as np
import torch
from _results import write_results

from skmicro._random import torch_generator
from skmicro.descriptors import VolumeFraction
from skmicro.images import encoder_for
from skmicro.losses import ADVERSARIAL_LOSSES, DescriptorLoss, GradientPenalty
from skmicro.networks import build, light_critic, light_generator
from skmicro.training import ImageBatches, Projection, adversarial_step, run

SHAPE = (64, 64)
N_IMAGES = 512
BATCH_SIZE = 16
BLOCK = 10
REPEATS = 20
LEARNING_RATE = 1e-3
BETAS = (0.0, 0.99)
DECAY = 0.995
PENALTY = 10.0
WEIGHT = 300.0
SEED = 0
GOAL = 1.05


def make_data():
    """Return label images, their encoder, a fitted p1 descriptor and its values."""
    rng = np.random.default_rng(SEED)
    noise = rng.random((N_IMAGES, *SHAPE))
    for axis in (1, 2):
        noise = sum(np.roll(noise, shift, axis) for shift in range(5))
    levels = np.quantile(noise, rng.uniform(0.3, 0.7, N_IMAGES))
    images = (noise < levels[:, None, None]).astype(np.uint8)
    descriptor = VolumeFraction().fit(images)
    return images, encoder_for(images), descriptor, descriptor.transform(images)


def make_networks(conditions):
    """Return the generator and the critic, the same in every call."""
    whitening = (
        conditions.mean(axis=0).tolist(),
        (1 / conditions.std(axis=0, keepdims=True)).tolist(),
    )
    factories = (
        lambda: light_generator(8, whitening, 2, SHAPE, width=16),
        lambda: light_critic(2, SHAPE, width=16),
    )
    return [build(f, torch_generator(SEED, k)).train() for k, f in enumerate(factories)]


def engine(images, encoder, conditions, descriptor):
    """Return the engine's networks and a function that trains them for one block."""
    generator, critic = make_networks(conditions)
    projections = []
    if descriptor is not None:
        loss = DescriptorLoss([descriptor], WEIGHT)
        projections.append(Projection([loss], encoder.physical, n_steps=0))
    step = adversarial_step(
        generator,
        critic,
        ADVERSARIAL_LOSSES["wasserstein"],
        learning_rate=LEARNING_RATE,
        rng=torch_generator(SEED, 2),
        betas=BETAS,
        n_critic=1,
        penalties=[GradientPenalty(PENALTY)],
        projections=projections,
        average_decay=DECAY,
    )
    batches = ImageBatches(
        images,
        encoder,
        conditions,
        batch_size=BATCH_SIZE,
        seed=SEED,
        device=torch.device("cpu"),
        dtype=torch.float32,
    )
    return [generator, critic, step.average.module], lambda: run(step, batches, BLOCK)


def bare(images, encoder, conditions, descriptor):
    """Return the bare loop's networks and a function that trains them for one block."""
    generator, critic = make_networks(conditions)
    average = make_networks(conditions)[0].requires_grad_(False)
    pairs = list(zip(average.parameters(), generator.parameters(), strict=True))
    descend_generator, descend_critic = (
        torch.optim.Adam(m.parameters(), lr=LEARNING_RATE, betas=BETAS, fused=True)
        for m in (generator, critic)
    )
    rng = torch_generator(SEED, 2)
    encoded, known = encoder.encode(images), torch.tensor(conditions)
    batches = shuffled(encoded, known)

    def latents():
        return torch.randn(BATCH_SIZE, generator.n_latent, generator=rng)

    def block():
        for _ in range(BLOCK):
            real, wanted = next(batches)
            critic.requires_grad_(True)
            with torch.no_grad():
                fake = generator(latents(), wanted)
            scores = critic(torch.cat([real, fake]))
            mix = torch.rand(BATCH_SIZE, generator=rng).view(-1, 1, 1, 1)
            between = torch.lerp(fake, real, mix).requires_grad_(True)
            (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
            penalty = PENALTY * (slope.flatten(1).norm(dim=1) - 1.0).square().mean()
            loss = scores[BATCH_SIZE:].mean() - scores[:BATCH_SIZE].mean() + penalty
            descend_critic.zero_grad()
            loss.backward()
            descend_critic.step()
            real, wanted = next(batches)
            critic.requires_grad_(False)
            fake = generator(latents(), wanted)
            loss = -critic(fake).mean()
            if descriptor is not None:
                fraction = fake[:, 1].flatten(1).mean(dim=1)
                loss = loss + WEIGHT * (fraction - wanted[:, 0]).square().mean()
            descend_generator.zero_grad()
            loss.backward()
            descend_generator.step()
            with torch.no_grad():
                for mean, weight in pairs:
                    mean.lerp_(weight, 1.0 - DECAY)

    return [generator, critic, average], block


def shuffled(encoded, conditions):
    """Yield endless batches, every image once per pass."""
    rng = torch_generator(SEED, 0)
    while True:
        for index in torch.randperm(len(encoded), generator=rng).split(BATCH_SIZE):
            yield encoded[index], conditions[index]


def measure(images, encoder, conditions, descriptor):
    """Let engine and bare loop take turns; return medians, ratio and largest difference."""
    contestants = {
        name: make(images, encoder, conditions, descriptor)
        for name, make in (("engine", engine), ("bare", bare))
    }
    seconds = {name: [] for name in contestants}
    for repeat in range(REPEATS + 1):
        order = list(contestants) if repeat % 2 else list(contestants)[::-1]
        for name in order:
            start = time.perf_counter()
            contestants[name][1]()
            if repeat > 0:
                seconds[name].append((time.perf_counter() - start) / BLOCK)
    modules = zip(*(networks for networks, _ in contestants.values()), strict=True)
    difference = max(
        float((a - b).detach().abs().max())
        for pair in modules
        for a, b in zip(*(module.parameters() for module in pair), strict=True)
    )
    ratios = np.divide(seconds["engine"], seconds["bare"])
    return {
        "seconds_per_iteration": {name: float(np.median(s)) for name, s in seconds.items()},
        "ratio": float(np.median(ratios)),
        "ratio_quartiles": np.quantile(ratios, [0.25, 0.75]).tolist(),
        "largest_difference_of_weights": difference,
    }


def main():
    """Measure, print the table and write the results."""
    argparse.ArgumentParser(description=__doc__.split("\n\n")[0]).parse_args()
    torch.set_num_threads(1)
    images, encoder, descriptor, values = make_data()
    cases = {
        "WGAN-GP": measure(images, encoder, values[:, :0], None),
        "InvNet (p1)": measure(images, encoder, values, descriptor),
    }
    print(f"{'light, 64 x 64, batch 16':<26}{'bare ms':>9}{'engine ms':>11}{'ratio':>8}{'goal':>7}")
    for name, row in cases.items():
        bare_ms, engine_ms = (1e3 * row["seconds_per_iteration"][k] for k in ("bare", "engine"))
        print(f"{name:<26}{bare_ms:>9.1f}{engine_ms:>11.1f}{row['ratio']:>8.3f}{GOAL:>7.2f}")
        if row["largest_difference_of_weights"] > 0:
            print(f"  weights differ by up to {row['largest_difference_of_weights']:.2g}")
    settings = {"threads": 1, "seed": SEED, "block": BLOCK, "repeats": REPEATS, "goal": GOAL}
    write_results("engine", settings | {"cases": cases})


if __name__ == "__main__":
    main()
