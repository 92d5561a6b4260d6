"""A callback of scikit-learn that keeps what it sees of the estimator in training."""


class Looks:
    """Keeps ``look(fitted_estimator)`` after every iteration in ``seen``, at last in ``end``.

    Parameters
    ----------
    look : callable
        What to keep.
    most : int or None, default=None
        Iterations after which the training is asked to end.
    """

    def __init__(self, look, most=None):
        self.look = look
        self.most = most
        self.seen = []

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context, **data):
        pass

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None, **data):
        if context.task_name == "iteration":
            self.seen.append(self.look(fitted_estimator))
        else:
            self.end = self.look(fitted_estimator)
        return len(self.seen) == self.most
