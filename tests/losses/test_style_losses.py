"""Losses of style against closed cases, symmetries and finite differences."""

import pytest
import torch
from torch.nn import functional

from skmicro.losses import gram_matrices, mode_collapse_loss, style_loss


def random_tensor(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def filtered(images, weight):
    """Maps of a periodic convolution with a rectifier."""
    padded = functional.pad(images, [1, 1, 1, 1], mode="circular")
    return functional.conv2d(padded, weight).relu()


def test_gram_matrix_by_hand():
    maps = torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]])
    (matrix,) = gram_matrices([maps])
    torch.testing.assert_close(matrix, torch.tensor([[[5.0, 11.0], [11.0, 25.0]]]))


@pytest.mark.parametrize("shape", [(6, 5), (4, 3, 5)])
def test_gram_matrices_are_sums_over_positions_in_any_order(shape):
    maps = random_tensor(2, 3, *shape)
    (matrix,) = gram_matrices([maps])
    expected = torch.einsum("nik,njk->nij", maps.flatten(2), maps.flatten(2))
    torch.testing.assert_close(matrix, expected)
    order = torch.randperm(maps[0, 0].numel(), generator=torch.Generator().manual_seed(1))
    (shuffled,) = gram_matrices([maps.flatten(2)[:, :, order].view_as(maps)])
    torch.testing.assert_close(shuffled, matrix)
    assert (torch.linalg.eigvalsh(matrix) > -1e-12).all()


def test_gram_matrix_of_a_shifted_periodic_image_is_unchanged():
    images, weight = random_tensor(2, 2, 8, 6), random_tensor(4, 2, 3, 3, seed=1)
    (matrix,) = gram_matrices([filtered(images, weight)])
    (shifted,) = gram_matrices([filtered(images.roll((3, -2), dims=(2, 3)), weight)])
    (other,) = gram_matrices([filtered(images.transpose(2, 3), weight)])
    torch.testing.assert_close(shifted, matrix)
    assert (other - matrix).abs().max() > 0.1


def test_style_loss_has_the_normalisation_of_gatys():
    # One feature: maps of a and of b everywhere differ by (a^2 - b^2) M in their only element.
    a, b, n_positions = 3.0, 1.0, 20
    first, second = (gram_matrices([torch.full((2, 1, 4, 5), x)]) for x in (a, b))
    loss = style_loss(first, second, [n_positions])
    torch.testing.assert_close(loss, torch.tensor((a**2 - b**2) ** 2 / 4))


def test_style_loss_by_a_double_sum():
    layers = [(3, (4, 5)), (2, (2, 2))]
    maps = [random_tensor(6, c, *s, seed=k) for k, (c, s) in enumerate(layers)]
    others = [random_tensor(6, c, *s, seed=7 + k) for k, (c, s) in enumerate(layers)]
    expected = 0.0
    for f, g in zip(maps, others, strict=True):
        n, c, m = len(f), f.shape[1], f[0, 0].numel()
        for image in range(n):
            for i in range(c):
                for j in range(c):
                    product = (f[image, i] * f[image, j] - g[image, i] * g[image, j]).sum()
                    expected += product**2 / (4 * c**2 * m**2) / n
    found = style_loss(gram_matrices(maps), gram_matrices(others), [20, 4])
    torch.testing.assert_close(found, torch.as_tensor(expected))
    assert style_loss(gram_matrices(maps), gram_matrices(maps), [20, 4]) == 0


def test_pairs_move_together_and_only_together():
    matrices, targets = (gram_matrices([random_tensor(5, 3, 4, 4, seed=k)]) for k in (0, 1))
    order = [3, 0, 4, 1, 2]
    loss = style_loss(matrices, targets, [16])
    moved = style_loss([matrices[0][order]], [targets[0][order]], [16])
    torch.testing.assert_close(moved, loss)
    assert abs(style_loss(matrices, [targets[0][order]], [16]) - loss) > 1e-4


def test_collapse_is_one_for_one_style_whatever_its_strength():
    (matrix,) = gram_matrices([random_tensor(1, 3, 4, 4)])
    scales = torch.tensor([1.0, 2.0, 5.0], dtype=torch.float64).view(3, 1, 1)
    torch.testing.assert_close(mode_collapse_loss([scales * matrix]).item(), 1.0)


def test_collapse_is_zero_for_orthogonal_styles():
    maps = torch.zeros(3, 3, 2, 2, dtype=torch.float64)
    maps[range(3), range(3)] = 1.0  # each image in a channel of its own
    assert mode_collapse_loss(gram_matrices([maps])) == 0
    two = maps[[0, 1, 1]]  # one of three pairs is of one style
    torch.testing.assert_close(mode_collapse_loss(gram_matrices([two])).item(), 1 / 3)


def test_collapse_is_the_mean_squared_cosine_of_all_pairs():
    matrices = gram_matrices([random_tensor(4, 3, 5, 2), random_tensor(4, 2, 3, 3, seed=1)])
    vectors = torch.cat([matrix.flatten(1) for matrix in matrices], dim=1)
    cosines = [
        functional.cosine_similarity(vectors[i], vectors[j], dim=0)
        for i in range(4)
        for j in range(i + 1, 4)
    ]
    found = mode_collapse_loss(matrices)
    torch.testing.assert_close(found, torch.stack(cosines).square().mean())
    order = [2, 0, 3, 1]
    torch.testing.assert_close(mode_collapse_loss([m[order] for m in matrices]), found)


def test_collapse_needs_two_images():
    with pytest.raises(ValueError, match="at least 2 images, got 1"):
        mode_collapse_loss(gram_matrices([random_tensor(1, 2, 3, 3)]))


def test_gradients_agree_with_finite_differences():
    targets = gram_matrices([random_tensor(3, 2, 2, 3, seed=1), random_tensor(3, 3, 2, 2, seed=2)])

    def losses(first, second):
        matrices = gram_matrices([first, second])
        return style_loss(matrices, targets, [6, 4]), mode_collapse_loss(matrices)

    maps = random_tensor(3, 2, 2, 3, seed=3), random_tensor(3, 3, 2, 2, seed=4)
    assert torch.autograd.gradcheck(losses, [x.requires_grad_(True) for x in maps])
