"""Types of parameters that many functions take, for annotations."""

import os

import numpy as np

PathLike = str | os.PathLike
"""Where a file is."""
Seed = int | np.random.RandomState | np.random.Generator | None
"""What ``random_state`` may be."""
