"""Trainings that :mod:`test_distributed` runs on one process and on two."""

import functools
import os
import sys
import warnings

import numpy as np
import torch

from skmicro.descriptors import VolumeFraction
from skmicro.exceptions import DistributionWarning
from skmicro.generators import FlowMatchingGenerator, InvNetGenerator, VolumeWGAN
from skmicro.networks import growing_critic, mapped_generator
from skmicro.regressors import AugmentedRegressor, CNNRegressor

X = (np.add.outer(np.arange(16), np.arange(64)).reshape(16, 8, 8) % 7 < 4).astype(int)
SETTINGS = {"batch_size": 8, "device": "cpu", "precision": "float64"}
ROWS = []


class Counted(torch.nn.Module):
    """A critic that notes how many rows it is given in training."""

    def __init__(self, critic):
        super().__init__()
        self.critic = critic

    def forward(self, images):
        if self.training:
            ROWS.append(len(images))
        return self.critic(images)


def counted_critic(*sizes, **settings):
    """Return a counting critic of the paper's kind."""
    return Counted(growing_critic(*sizes, **settings))


def trainings():
    """Return fitted estimators by name."""
    settings = SETTINGS | {"random_state": 0, "n_iter": 2}
    ours = (mapped_generator, counted_critic)
    made = {
        # Batch normalisation, gradient penalty, projections, moments of a batch, averages.
        "invnet": InvNetGenerator.light(n_latent=2, width=4, n_level_steps=3, **settings),
        "volume": VolumeWGAN(architecture=ours, n_latent=4, width=2, critic_width=2, **settings),
        "flow": FlowMatchingGenerator(width=8, conditions=("p1",), **settings),
        # Batches that two processes cannot share evenly.
        "odd": VolumeWGAN.light(n_latent=2, width=4, **settings | {"batch_size": 5}),
    }
    network = CNNRegressor.light(
        widths=(4, 4), augment=("reflection",), validation_fraction=0.25, **settings
    )
    fitted = {name: generator.fit(X) for name, generator in made.items()}
    whole = augmented(random_state=0).fit(X, X.mean(axis=(1, 2)))
    inner = {"augmented images": whole.generator_, "augmented": whole.regressor_}
    return fitted | inner | {"network": network.fit(X, X.mean(axis=(1, 2)) ** 2)}


def augmented(**options):
    """Return an unfitted regressor on generated images, of which both parts are networks."""
    warnings.simplefilter("ignore", DistributionWarning)
    settings = SETTINGS | {"n_iter": 1}
    return AugmentedRegressor(
        generator=VolumeWGAN.light(n_latent=2, width=4, **settings),
        regressor=CNNRegressor.light(widths=(4, 4), **settings),
        labeler=VolumeFraction(),
        n_synthetic=4,
        **options,
    )


def arrays(fitted):
    """Return weights and losses of fitted estimators by name."""
    found = {}
    for name, estimator in fitted.items():
        weights = estimator.__getstate__()["_weights"]
        found |= {f"{name} {net} {k}": v for net, w in weights.items() for k, v in w.items()}
        found |= {f"{name} {loss}": values for loss, values in estimator.history_.items()}
    return found


def checkpointed(folder, **settings):
    """Return an unfitted generator whose training is kept in a file."""
    settings = SETTINGS | {"random_state": 1, "n_iter": 6, "checkpoint_every": 1} | settings
    settings.setdefault("checkpoint", f"{folder}/training.skm")
    return VolumeWGAN.light(n_latent=2, width=4, **settings)


def refused(first):
    """Fit with what differs between the processes, and print the errors."""
    settings = SETTINGS | {"random_state": 0, "n_iter": 1}
    light = functools.partial(VolumeWGAN.light, n_latent=2, width=4, **settings)
    y = X.mean(axis=(1, 2))
    nan = X / np.nan
    for fit in (
        lambda: light().fit(X if first else 1 - X),
        lambda: light(learning_rate=1e-3 if first else 2e-3).fit(X),
        lambda: CNNRegressor.light(widths=(4, 4), **settings).fit(X, y if first else 2 * y),
        lambda: light().fit(X if first else nan),
        lambda: augmented().fit(X if first else nan, y),
        lambda: augmented().fit(X, y if first else 2 * y),
        lambda: light().fit(X),
    ):
        try:
            fit()
            print("trained", file=sys.stderr, flush=True)
        except (ValueError, RuntimeError) as error:
            print(error, file=sys.stderr, flush=True)


def main(folder):
    """Train on both of two processes, the second of which ends before the last training does."""
    from skmicro.training import is_first, n_processes

    warnings.simplefilter("error")
    assert n_processes() == 2
    # Without a seed the processes agree on one.
    unseeded = VolumeWGAN.light(n_latent=2, width=4, n_iter=1, **SETTINGS).fit(X)
    whole = augmented().fit(X, X.mean(axis=(1, 2)))
    parts = {"unseeded images": whole.generator_, "unseeded network": whole.regressor_}
    state = arrays(trainings()) | arrays({"unseeded": unseeded} | parts)
    np.savez(f"{folder}/{'first' if is_first() else 'second'}.npz", rows=ROWS, **state)
    refused(is_first())

    def ends(iteration, history):
        if iteration == 3 and not is_first():
            os._exit(9)

    checkpointed(folder, callbacks=[ends]).fit(X)


if __name__ == "__main__":
    main(sys.argv[1])
