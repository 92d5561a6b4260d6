"""
The stress in a two-phase material
==================================

A phase-separated mixture of a compliant and a stiff phase is stretched along its first axis. The
stress that the solver of :class:`~skmicro.properties.ElasticStiffness` finds concentrates where
the stiff phase forms paths along the load.

Run it with the name of a file to keep the picture::

    python examples/plot_stress_field.py stress.png
"""

import sys

import matplotlib.pyplot as plt

from skmicro.datasets import make_cahn_hilliard
from skmicro.properties import elastic_fields

# %%
# One image, and its fields under a mean strain of one in the direction of the first axis.

X, p1 = make_cahn_hilliard(1, (128, 128), random_state=3)
fields = elastic_fields(X[0], (1.0, 0.0, 0.0), young=(1.0, 10.0), poisson=(0.35, 0.25))
print(f"C11 = {fields.mean_flux[0]:.3f} after {fields.n_iter} iterations")

# %%
# The load is vertical, as the first axis of an image is drawn downwards.

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
left.imshow(X[0], cmap="gray_r")
left.set_title("phases (black: ten times as stiff)")
drawn = right.imshow(fields.flux[0], cmap="magma", vmin=0)
right.set_title("stress 11 under a mean strain 11 of one")
figure.colorbar(drawn, ax=right, shrink=0.8)
for axes in (left, right):
    axes.set_axis_off()
if len(sys.argv) > 1:
    figure.savefig(sys.argv[1], dpi=80)
