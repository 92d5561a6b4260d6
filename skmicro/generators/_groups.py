"""Parameters that several families of generators share."""

from ..images import SYMMETRIES
from ..networks import mixed_precision
from ..parameters import MODEL, Parametrized, parameter
from ..rules import betas, integer, precision, real, sequence_of


class HasLatents(Parametrized):
    """Generators with a latent vector, or one for each voxel of a coarse grid."""

    n_latent: int = parameter(
        128,
        integer(1),
        """Width of the latent vector z, standard normal; in the light architecture the latent
        numbers per voxel of its coarsest grid.""",
        MODEL,
    )


class HasSymmetries(Parametrized):
    """Generators that move training images at random."""

    symmetries: tuple = parameter(
        (),
        sequence_of(*SYMMETRIES),
        "Symmetries of the material, by which training images are moved at random.",
    )


class HasMoments(Parametrized):
    """Generators that leave the decay rates of Adam to the user."""

    betas: tuple = parameter((0.0, 0.9), betas(), "Decay rates of Adam's moments.")


class HasAverage(Parametrized):
    """Generators that may keep an average of their weights."""

    average_decay: float = parameter(
        0.0,
        real(0.0, 1.0, open_high=True),
        "Decay of an average of the generator's weights; 0 keeps the last weights.",
    )


class HasMixedPrecision(Parametrized):
    """Generators whose networks may convolve in bfloat16."""

    precision: str = parameter(
        "auto",
        precision(),
        """Floating-point type; ``"auto"`` is single precision, with the convolutions in bfloat16
        where the device is faster with them.""",
        MODEL,
    )

    def _in_precision(self, make):
        """Return the factory of a network that convolves as ``precision`` says."""
        mixed = self._made.precision == "auto"
        return lambda: mixed_precision(make()) if mixed else make()
