"""Bridge to scikit-learn's callback protocol (scikit-learn >= 1.9).

With an older scikit-learn the mixin is empty and nothing is called.
"""

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class CallbackSupportMixin:
        """Stand-in where scikit-learn has no callbacks."""

    def with_callbacks(method):
        """Return the method as it is."""
        return method


__all__ = ["CallbackSupportMixin", "FitTask", "with_callbacks"]


class FitTask:
    """The task tree of one ``fit``: the fit itself and one subtask per iteration.

    The estimator's callbacks, set by ``set_callbacks`` or by a meta-estimator, are called.
    """

    def __init__(self, estimator, n_iter, X, y):
        self.estimator = estimator
        self.data = {"X": X, "y": y}
        self.context = None
        if hasattr(estimator, "_init_callback_context") and (
            getattr(estimator, "_skl_callbacks", None) or hasattr(estimator, "_parent_callback_ctx")
        ):
            self.context = estimator._init_callback_context(max_subtasks=n_iter)
            self.context.call_on_fit_task_begin(estimator=estimator, **self.data)

    def loop_callbacks(self, attributes):
        """Return the callbacks to hand to the training loop (none or one).

        ``attributes(history)`` returns the fitted attributes as if training ended now.
        """
        if self.context is None:
            return []

        def end_of_iteration(iteration, history):
            task = self.context.subcontext(task_name="iteration")
            task.call_on_fit_task_begin(estimator=self.estimator, **self.data)
            return task.call_on_fit_task_end(
                estimator=self.estimator,
                reconstruction_attributes=lambda: attributes(history),
                **self.data,
            )

        return [end_of_iteration]

    def end(self):
        """Report the end of the fit."""
        if self.context is not None:
            self.context.call_on_fit_task_end(
                estimator=self.estimator,
                reconstruction_attributes=lambda: _fitted_attributes(self.estimator),
                **self.data,
            )


def _fitted_attributes(estimator):
    return {
        name: value
        for name, value in vars(estimator).items()
        if name.endswith("_") and not name.startswith("_")
    }
