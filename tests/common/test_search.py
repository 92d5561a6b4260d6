"""What only searches for latents at their full length show."""

import numpy as np
import pytest
from tiny import NETWORKS, of_each_kind, phase_images, varied


@of_each_kind
@pytest.mark.parametrize("cls", NETWORKS)
def test_transform_inverts_its_own_images_better_than_chance(cls):
    generator = varied(cls, n_iter=10).fit(phase_images(n=12))
    images = generator.sample(6, random_state=3)
    others = generator.sample(6, random_state=4)
    back = generator.reconstruct(images)
    assert np.mean(back != images) < np.mean(others != images)
