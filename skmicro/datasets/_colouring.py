r"""Colours for the cells of a map: neighbours differ, and each colour fills its share.

The start is greedy: the cell whose neighbours already show the most colours comes next, and
takes the allowed colour that is missing most. Then Kempe chains are exchanged: the cells of
two colours that hang together around one cell swap these colours, which keeps neighbours
different. An exchange moves a volume :math:`\delta` from one colour, whose excess over its
target is :math:`e_a`, to another, and changes the sum of squared excesses by
:math:`2 \delta (\delta - e_a + e_b)`. Simulated annealing decides which changes are made.
"""

from itertools import count

import numpy as np

N_ATTEMPTS = 100
N_EXCHANGES = 10_000
EXCHANGES_PER_CELL = 20
MAX_CHAIN = 20
HOT, COLD = 1.0, 1e-3  # temperatures, as errors in units of the mean cell


def neighbours(cells, n_cells):
    """Return a symmetric matrix of bool: which cells share a face, also across the border."""
    touch = np.zeros((n_cells, n_cells), dtype=bool)
    for axis in range(cells.ndim):
        touch[cells, np.roll(cells, 1, axis)] = True
    np.fill_diagonal(touch, False)
    return touch | touch.T


def colour_cells(touch, sizes, targets, generator):
    """Return a colour for each cell, or None; targets are the volumes that colours should fill."""
    for _ in range(N_ATTEMPTS):
        colours = greedy_colours(touch, sizes, targets, generator)
        if colours is not None:
            return exchange_colours(colours, touch, sizes, targets, generator)
    return None


def sufficient_colours(touch, sizes, at_least, generator):
    """Return a number of colours, not below ``at_least``, for which the greedy rule works."""
    for n_colours in count(at_least):
        even = np.full(n_colours, sizes.sum() / n_colours)
        if greedy_colours(touch, sizes, even, generator) is not None:
            return n_colours


def greedy_colours(touch, sizes, targets, generator):
    """Colour the most constrained cell first, ties at random; None at a dead end."""
    blocked = np.zeros((len(sizes), len(targets)), dtype=bool)
    colours = np.full(len(sizes), -1)
    missing = np.array(targets, dtype=np.float64)
    for _ in sizes:
        urgency = blocked.sum(axis=1) + generator.random(len(sizes))
        cell = np.where(colours < 0, urgency, -1).argmax()
        if blocked[cell].all():
            return None
        colour = np.where(blocked[cell], -np.inf, missing).argmax()
        colours[cell] = colour
        missing[colour] -= sizes[cell]
        blocked[touch[cell], colour] = True
    return colours


def exchange_colours(colours, touch, sizes, targets, generator):
    """Bring the volumes of the colours near their targets; return the best colours seen."""
    n_cells, n_colours = len(sizes), len(targets)
    excess = (np.bincount(colours, sizes, minlength=n_colours) - targets).tolist()
    # Plain lists: the loop touches single numbers, where arrays are slow.
    around = [np.flatnonzero(row).tolist() for row in touch]
    colours, sizes, scale = colours.tolist(), sizes.tolist(), sizes.mean()
    best, gain, most = list(colours), 0.0, 0.0
    for cell, shift, worst in _proposals(n_cells, n_colours, scale, generator):
        first = colours[cell]
        second = (first + shift) % n_colours
        chain = kempe_chain(cell, second, colours, around)
        moved = sum(sizes[c] if colours[c] == first else -sizes[c] for c in chain)
        change = 2 * moved * (moved - excess[first] + excess[second])
        if not chain or change > worst:
            continue
        for c in chain:
            colours[c] = first + second - colours[c]
        excess[first] -= moved
        excess[second] += moved
        gain -= change
        if gain > most:
            best, most = list(colours), gain
    return np.array(best)


def _proposals(n_cells, n_colours, scale, generator):
    """Yield a cell, a step to another colour, and the rise in cost that is accepted."""
    n = max(N_EXCHANGES, EXCHANGES_PER_CELL * n_cells) if n_colours > 1 else 0
    cells = generator.integers(n_cells, size=n)
    shifts = generator.integers(1, max(n_colours, 2), size=n)
    temperatures = (scale * np.geomspace(HOT, COLD, n)) ** 2
    worst = temperatures * generator.exponential(size=n)
    return zip(cells.tolist(), shifts.tolist(), worst.tolist(), strict=True)


def kempe_chain(cell, other, colours, around):
    """Return the connected cells of two colours around a cell; long chains come back empty."""
    total = colours[cell] + other
    chain, queue = {cell}, [cell]
    while queue:
        current = queue.pop()
        wanted = total - colours[current]
        for near in around[current]:
            if near not in chain and colours[near] == wanted:
                chain.add(near)
                queue.append(near)
        if len(chain) > MAX_CHAIN:
            return set()
    return chain
