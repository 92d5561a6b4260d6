"""HistoryDisplay."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skmicro.descriptors import VolumeFraction
from skmicro.generators import WGANGP
from skmicro.plotting import HistoryDisplay

HISTORY = {"critic": np.array([4.0, 2.0, 3.0, 7.0]), "generator": np.array([0.0, 1.0, 1.0, 4.0])}


def test_an_axes_for_each_loss():
    display = HistoryDisplay(HISTORY).plot()
    for ax, (name, losses) in zip(display.axes_, HISTORY.items(), strict=True):
        assert display.lines_[name].axes is ax
        assert_array_equal(display.lines_[name].get_xdata(), [1, 2, 3, 4])
        assert_allclose(display.lines_[name].get_ydata(), losses)
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("iteration", f"{name} loss")
    assert display.raw_lines_ == {}


def test_running_mean_ends_at_its_iteration():
    display = HistoryDisplay(HISTORY).plot(window=3)
    assert_array_equal(display.lines_["critic"].get_xdata(), [3, 4])
    assert_allclose(display.lines_["critic"].get_ydata(), [3, 4])
    assert_array_equal(display.raw_lines_["critic"].get_ydata(), HISTORY["critic"])


def test_all_losses_in_one_axes():
    display = HistoryDisplay(HISTORY).plot(separate=False, window=2)
    assert len(display.axes_) == 1
    texts = [text.get_text() for text in display.axes_[0].get_legend().get_texts()]
    assert texts == ["critic", "generator"]
    colors = {line.get_color() for line in display.lines_.values()}
    assert len(colors) == 2


def test_losses_of_a_generator(wgan):
    display = HistoryDisplay.from_estimator(wgan)
    assert set(display.lines_) == set(wgan.history_)
    for name, losses in wgan.history_.items():
        assert_allclose(display.lines_[name].get_ydata(), losses, rtol=1e-6)


def labels_of(display):
    return [ax.get_ylabel() for ax in display.axes_]


def test_projections_are_called_what_they_are_for(invnet):
    assert list(invnet.history_) == ["critic", "penalty", "generator", "projection0", "projection1"]
    display = HistoryDisplay.from_estimator(invnet)
    assert labels_of(display)[3:] == ["invariance loss", "moments loss"]
    assert_allclose(display.lines_["projection1"].get_ydata(), invnet.history_["projection1"])
    legend = HistoryDisplay.from_estimator(invnet, separate=False).axes_[0].get_legend()
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts == ["critic", "penalty", "generator", "invariance", "moments"]


def test_losses_without_a_known_meaning_keep_their_names():
    losses = {"projection0": [1.0], "projection2": [2.0]}
    assert labels_of(HistoryDisplay(losses).plot()) == ["projection0 loss", "projection2 loss"]

    class Generator(WGANGP):
        def __sklearn_is_fitted__(self):
            return True

    other = Generator()
    other.history_ = losses
    display = HistoryDisplay.from_estimator(other)
    assert labels_of(display) == ["projection0 loss", "projection2 loss"]


def test_what_is_not_allowed(images):
    with pytest.raises(TypeError, match="generator must have a history_ of losses, got Volume"):
        HistoryDisplay.from_estimator(VolumeFraction().fit(images))
    with pytest.raises(ValueError, match="losses of at least one iteration"):
        HistoryDisplay({}).plot()
    with pytest.raises(ValueError, match="losses of at least one iteration"):
        HistoryDisplay({"critic": []}).plot()
    with pytest.raises(ValueError, match="window must be <= the 4 iterations, got 5"):
        HistoryDisplay(HISTORY).plot(window=5)
