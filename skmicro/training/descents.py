"""Steps of many searches at once: no row of a batch sees another one."""

import math

import torch


class RowDescent:
    """What steps, row by row.

    Attributes
    ----------
    patience : float
        Steps without a fall of the loss after which a row has come to a halt.
    least_fall : float
        Share of the loss that counts as a fall.
    """

    patience = math.inf
    least_fall = 0.0

    def take(self, index: torch.Tensor):
        """Go on with some of the rows.

        Parameters
        ----------
        index : Tensor of shape (n_kept,)
            Their places.
        """
        for name, values in vars(self).items():
            if isinstance(values, torch.Tensor):
                setattr(self, name, values[index])
            elif isinstance(values, list):
                setattr(self, name, [tuple(part[index] for part in parts) for parts in values])

    def step(
        self, point: torch.Tensor, value: torch.Tensor, gradient: torch.Tensor
    ) -> torch.Tensor:
        """Return the next points.

        Parameters
        ----------
        point : Tensor of shape (n, k)
            Where losses were evaluated.
        value : Tensor of shape (n,)
            The losses.
        gradient : Tensor of shape (n, k)
            Their gradients.

        Returns
        -------
        point : Tensor of shape (n, k)
            Where to evaluate them next.
        """
        return self._next(point, value, gradient)

    def _next(self, point, value, gradient):
        raise NotImplementedError


class RowAdam(RowDescent):
    """Adam [1]_, for gradients that are not those of the loss, as of decoded images.

    Parameters
    ----------
    start : Tensor of shape (n, k)
        Points to begin with.

    References
    ----------
    .. [1] D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR 2015.
    """

    learning_rate = 0.05
    decay, square_decay = 0.9, 0.999

    def __init__(self, start: torch.Tensor):
        self.mean, self.square = torch.zeros_like(start), torch.zeros_like(start)
        self.n_steps = 0

    def _next(self, point, value, gradient):
        self.n_steps += 1
        self.mean = torch.lerp(gradient, self.mean, self.decay)
        self.square = torch.lerp(gradient.square(), self.square, self.square_decay)
        mean = self.mean / (1.0 - self.decay**self.n_steps)
        deviation = (self.square / (1.0 - self.square_decay**self.n_steps)).sqrt()
        return point - self.learning_rate * mean / (deviation + 1e-8)


class RowLBFGS(RowDescent):
    """The quasi-Newton method of limited memory [1]_, for smooth losses.

    A step that does not lead down is not taken, but its curvature is learned; the next one is
    shorter. Latents are standard normal, and no step is longer than 0.3 of their norm.

    Parameters
    ----------
    start : Tensor of shape (n, k)
        Points to begin with.

    References
    ----------
    .. [1] J. Nocedal, "Updating quasi-Newton matrices with limited storage", Math. Comput. 35,
       773-782, 1980.
    """

    patience = 8
    least_fall = 0.01
    memory = 8
    first_step, longest_step = 0.07, 0.3

    def __init__(self, start: torch.Tensor):
        self.norm = math.sqrt(start.shape[1])
        self.point = self.gradient = None
        self.value = torch.full_like(start[:, 0], torch.inf)
        self.share = torch.ones_like(self.value)
        self.scale = torch.zeros_like(self.value)
        self.pairs = []

    def _next(self, point, value, gradient):
        if self.point is None:
            self.point, self.gradient = point, gradient
            self.scale = self.first_step * self.norm / _length(gradient)
        else:
            self._learn(point - self.point, gradient - self.gradient)
        down = value < self.value
        self.point = torch.where(down[:, None], point, self.point)
        self.gradient = torch.where(down[:, None], gradient, self.gradient)
        self.value = torch.where(down, value, self.value)
        self.share = torch.where(down, (2.0 * self.share).clamp_max(1.0), 0.4 * self.share)
        direction = self._direction()
        share = self.share * (self.longest_step * self.norm / _length(direction)).clamp_max(1.0)
        return self.point - share[:, None] * direction

    def _learn(self, moved, change):
        product, square = (moved * change).sum(dim=1), change.square().sum(dim=1)
        convex = product > 1e-6 * square.sqrt() * _length(moved)
        inverse = torch.where(convex, 1.0 / torch.where(convex, product, 1.0), 0.0)
        self.scale = torch.where(convex, product / square.clamp_min(1e-30), self.scale)
        self.pairs = [*self.pairs, (moved, change, inverse)][-self.memory :]

    def _direction(self):
        """Return the inverse curvature times the gradient, by two loops over the pairs."""
        direction, shares = self.gradient, []
        for moved, change, inverse in reversed(self.pairs):
            shares.append((inverse * (moved * direction).sum(dim=1))[:, None])
            direction = direction - shares[-1] * change
        direction = self.scale[:, None] * direction
        for moved, change, inverse in self.pairs:
            share = shares.pop() - (inverse * (change * direction).sum(dim=1))[:, None]
            direction = direction + share * moved
        return direction


class RowGaussNewton(RowDescent):
    """The shortest steps that lead all residuals to zero, to first order.

    With residuals r and their gradients J, a step is -J^T (J J^T)^-1 r (Gauss and Newton's, of
    fewer residuals than numbers to change): what does not matter to the residuals stays as it is.
    Residuals of images whose voxels change one by one jump, and their gradients are estimates.
    So the steps follow how far residuals have really changed under those before, and one that
    does not lead down is not taken; the next one is shorter.
    Latents are standard normal, so that distances are standard deviations: no step is longer than
    ``longest_step``, and none leads farther from the start than ``reach``.

    Parameters
    ----------
    start : Tensor of shape (n, k)
        Points to begin with.
    """

    patience = 4
    longest_step, reach = 2.0, 4.0
    damping = 1e-4

    def __init__(self, start: torch.Tensor):
        self.start = self.point = start
        self.value = self.gradient = self.expected = None
        self.square = torch.full_like(start[:, 0], torch.inf)
        self.gain, self.share = torch.ones_like(self.square), torch.ones_like(self.square)

    def _next(self, point, value, gradient):
        square = value.square().sum(dim=1)
        down = self._is_taken(square)
        if self.value is None:
            self.value, self.gradient = value, gradient
        else:
            self._compare(value - self.value, down)
            self.value = torch.where(down[:, None], value, self.value)
            self.gradient = torch.where(down[:, None, None], gradient, self.gradient)
        self.point = torch.where(down[:, None], point, self.point)
        self.square = torch.where(down, square, self.square)
        self.share = torch.where(down, (2.0 * self.share).clamp_max(1.0), 0.5 * self.share)
        # Outputs that are not finite give no direction.
        step = self.share[:, None] * self._proposed().nan_to_num(0.0, 0.0, 0.0)
        moved = _shortened(self.point + step - self.start, self.reach)
        step = self.start + moved - self.point
        self.expected = (self.gradient @ step.unsqueeze(2)).squeeze(2)
        return self.point + step

    def _is_taken(self, square):
        return square < self.square

    def _compare(self, change, down):
        """Learn how much more residuals change than their gradients predict."""
        size = self.expected.square().sum(dim=1).clamp_min(1e-30)
        told = (change * self.expected).sum(dim=1) / size
        gain = (self.gain * told.clamp_min(0.0)).sqrt().clamp(0.25, 4.0)
        self.gain = torch.where(down, gain, self.gain)

    def _proposed(self):
        step = self._shortest(self.value) / self.gain[:, None]
        return _shortened(step, self.longest_step)

    def _shortest(self, value):
        """Return the shortest steps that lead residuals to zero, by the gradients."""
        gram = self.gradient @ self.gradient.transpose(1, 2)
        size = gram.diagonal(dim1=1, dim2=2).mean(dim=1).clamp_min(1e-30)
        diagonal = torch.eye(gram.shape[1], dtype=gram.dtype, device=gram.device)
        damped = gram + (self.damping * size)[:, None, None] * diagonal
        weights = torch.linalg.solve(damped, value.unsqueeze(2))
        return -(self.gradient.transpose(1, 2) @ weights).squeeze(2)


class RowAscent(RowGaussNewton):
    """Steps that lead residuals to zero, all but the last one, whose value stays.

    That is minus what is to be gained by each step, with the gradient of what grows. Each of the
    two parts of a step is as long as it would be without the other, and all steps are taken.

    Parameters
    ----------
    start : Tensor of shape (n, k)
        Points to begin with.
    """

    patience = math.inf
    longest_gain = 0.5

    def __init__(self, start: torch.Tensor):
        super().__init__(start)

    def _is_taken(self, square):
        return torch.ones_like(square, dtype=torch.bool)

    def _compare(self, change, down):
        """Take gradients for right: the value of the last residual contains no information."""

    def _proposed(self):
        gained = torch.zeros_like(self.value)
        gained[:, -1] = self.value[:, -1]
        step = _shortened(self._shortest(self.value - gained), self.longest_step)
        return step + _shortened(self._shortest(gained), self.longest_gain)


def _shortened(rows, longest):
    return rows * (longest / _length(rows)).clamp_max(1.0)[:, None]


def _length(rows):
    return rows.square().sum(dim=1).sqrt().clamp_min(1e-30)
