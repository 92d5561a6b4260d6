"""What sections tell of a volume, and the steps from noise to it."""

import numpy as np
import pytest
import torch
from textures import blobs
from tiny_flows import randomised

from skmicro.flows import _sections, noise_from_afar, with_mean_fractions
from skmicro.networks import own_evidence, probabilities


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("scale", [0.5, 10.0])
@pytest.mark.parametrize("fractions", [[0.6, 0.4], [0.97, 0.03], [0.6, 0.1, 0.3]])
def test_levels_give_every_volume_its_mean_fractions(scale, fractions):
    n_channels = 1 if len(fractions) == 2 else 3
    evidence = scale * (normal(2, n_channels, 12, 12, 12) - 0.3)
    wanted = torch.tensor([fractions, fractions[::-1]])
    moved = with_mean_fractions(evidence, wanted)
    both = torch.cat([-moved, moved], dim=1) / 2 if n_channels == 1 else moved
    shares = probabilities(2.0 * both).flatten(2).mean(dim=2)
    torch.testing.assert_close(shares, wanted, atol=2e-4, rtol=0)
    steps = (moved - evidence).flatten(2)
    torch.testing.assert_close(steps, steps[:, :, :1].expand_as(steps), atol=1e-4, rtol=1e-4)


def test_fractions_of_nothing_and_of_everything_can_be_asked_for():
    moved = with_mean_fractions(normal(2, 1, 8, 8, 8), torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
    assert (moved[0] < 0).all()
    assert (moved[1] > 0).all()


def test_noise_of_every_step_comes_from_another_place():
    noise = torch.arange(16.0**3).view(1, 1, 16, 16, 16)
    first = [noise_from_afar(noise, k)[0, 0, 0, 0, 0].item() for k in range(18)]
    assert len({*first, 0.0}) == 19
    torch.testing.assert_close(noise_from_afar(noise, 5).sort().values.sum(), noise.sum())


def test_a_step_has_the_distribution_of_its_time():
    mean = torch.full((1, 1, 40, 40, 40), 0.7)
    for t, s in ((0.0, 0.1), (0.3, 0.4), (0.8, 1.0)):
        x = t * mean + (1.0 - t) * normal(*mean.shape)
        moved = _sections._stepped(x, mean, t, s, normal(*mean.shape, seed=1))
        rest = moved - s * mean
        assert abs(rest.mean()) < 0.02 * (1.0 - s) + 1e-6
        assert rest.std().item() == pytest.approx(1.0 - s, abs=0.01)


@pytest.mark.parametrize("axis", range(3))
def test_sections_are_those_across_an_axis(axis):
    volumes = torch.arange(2 * 3 * 4 * 5 * 6).view(2, 3, 4, 5, 6)
    sections = _sections._across(volumes, axis)
    side = volumes.shape[2 + axis]
    assert len(sections) == 2 * side
    torch.testing.assert_close(sections[side + 1], volumes[1].select(1 + axis, 1))
    torch.testing.assert_close(_sections._along(sections, 2, axis), volumes)


@pytest.mark.parametrize("n_phases", [2, 3])
def test_what_a_voxel_tells_counts_once_and_each_section_adds_its_surroundings(n_phases):
    generator = randomised(blobs(n_phases=n_phases, shape=(8, 8)))
    model = generator._volume_model((4, 6, 8), None, {})
    n_channels, t = (1 if n_phases == 2 else 3), 0.4
    x = normal(2, n_channels, 4, 6, 8)
    fractions = torch.full((2, n_phases), 1.0 / n_phases)
    rows = [model._conditions_across(axis, fractions) for axis in range(3)]
    told = model._evidence(x, t, x.tanh(), rows, fractions)

    own = own_evidence(x, torch.full((2,), t))
    expected = own.clone()
    for axis in range(3):
        for k in range(x.shape[2 + axis]):
            section = x.select(2 + axis, k)
            share = (1 + x.tanh().select(2 + axis, k)[:, -1:].mean(dim=(2, 3))) / 2
            answer = model.planes[axis].network.evidence(section, torch.full((2,), t), share)
            expected.select(2 + axis, k).add_(answer - own.select(2 + axis, k))
    expected = with_mean_fractions(expected, fractions)
    torch.testing.assert_close(told, expected, atol=1e-4, rtol=1e-4)
    assert (told - own).std() > 0.01


def test_sections_have_conditions_of_training_images_spread_evenly():
    generator = randomised(conditions=("specific_surface",))
    model = generator._volume_model((30, 16, 16), None, {})
    rows = model._conditions_across(0, torch.zeros(2, 2)).numpy()
    known = generator.conditions_.rows
    assert rows.shape == (60, 1)
    np.testing.assert_array_equal(rows[:30], rows[30:])
    assert np.isin(rows, known).all()
    assert abs(rows.mean() - known.mean()) < 0.3 * known.std()
    assert rows.std() == pytest.approx(known.std(), rel=0.2)
