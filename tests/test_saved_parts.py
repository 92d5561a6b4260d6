"""What a file says fits together or is refused, and what would not come back is not saved."""

import copy
import json

import numpy as np
import pytest
import torch
from cases import case
from saved import IMAGES

import skmicro
from skmicro._tensors import digest_of, write_tensors
from skmicro.conditioning import ConditionTable
from skmicro.descriptors import VolumeFraction
from skmicro.exceptions import NotASavedFileError
from skmicro.generators import GaussianRandomField, MarkovRandomField
from skmicro.images import PhaseEncoder
from skmicro.persistence import read_tree, write_tree


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file.skm"


def altered(part, **changes):
    """Return a copy of a part of an estimator with other attributes."""
    new = copy.copy(part)
    vars(new).update(changes)
    return new


def test_tables_of_conditions_fit_together_or_the_file_is_refused(path):
    table = ConditionTable([VolumeFraction()], PhaseEncoder(np.arange(2), np.int64), (8, 8))
    table, _ = table.extended(IMAGES)
    write_tree(path, table)
    read_tree(path)
    for changes in (
        {"descriptors": [VolumeFraction()]},
        {"descriptors": [3]},
        {"_watched": 3},
        {"_ends": np.array([1.0])},
        {"_ends": np.array([2])},
        {"rows": np.zeros((4, 2), np.float32)},
        {"rows": np.zeros((4, 1), int)},
        {"rows": np.full((4, 1), np.nan)},
        {"ranges": {"p1": (np.zeros(1), np.zeros(2))}},
        {"whitening": ([0.0, 0.0], [[1.0]])},
        {"whitenings": [([0.0], [[np.nan]])]},
        {"whitenings": []},
        {"periodic": 3},
    ):
        write_tree(path, altered(table, **changes))
        with case(changes), pytest.raises(NotASavedFileError, match=str(path)):
            read_tree(path)


def test_random_fields_fit_together_or_the_file_is_refused(path):
    field = GaussianRandomField(periodic=False).fit(IMAGES)
    known = field.conditions_
    (correlation, covariance), *_ = known.tables
    for changes in (
        {"torus": (10**9, 10**9)},
        {"spectra": known.spectra[:, :-1]},
        {"spectra": None},
        {"achieved": known.achieved[:0]},
        {"knots": np.zeros(2)},
        {"maps": known.maps[0]},
        {"tables": []},
        {"tables": [(correlation, covariance[:-1])]},
        {"curves": known.curves[:, :-1]},
        {"curves": None},
    ):
        changed = altered(field, conditions_=altered(known, **changes))
        changed.save(path)
        with case(changes), pytest.raises(NotASavedFileError, match=str(path)):
            skmicro.load(path)
    altered(field, _levels=np.ones(3)).save(path)
    with pytest.raises(NotASavedFileError, match="_levels must be empty"):
        skmicro.load(path)


def test_markov_fields_fit_together_or_the_file_is_refused(path):
    field = MarkovRandomField(random_state=0).fit(IMAGES)
    trees = field.classifier_
    for changes in (
        {"radii_": (9, 9)},
        {"radii_": (1,)},
        {"_states": altered(field._states, n_states=3)},
        {"classifier_": altered(trees, roots=trees.roots.astype(float))},
        {"classifier_": altered(trees, roots=trees.roots[:0])},
        {"classifier_": altered(trees, probabilities=trees.probabilities[:, :1])},
    ):
        altered(field, **changes).save(path)
        with case(changes), pytest.raises(NotASavedFileError, match=str(path)):
            skmicro.load(path)


def test_types_that_are_no_names_are_damage(path):
    text = '{"dtype": "000049"}'
    write_tensors(path, {}, {"skmicro": text, "version": "2", "digest": digest_of({}, "2", text)})
    with pytest.raises(NotASavedFileError, match=str(path)):
        read_tree(path)


def test_what_would_not_come_back_is_not_saved(path):
    endless = []
    endless.append(endless)
    write_tree(path, {"old": 1})
    for value in (
        np.ma.masked_array([1, 2], [0, 1]),
        torch.zeros(2, dtype=torch.complex64),
        torch.eye(2).to_sparse(),
        endless,
    ):
        with case(repr(value)), pytest.raises(TypeError, match="Cannot save"):
            write_tree(path, {"value": value})
    assert read_tree(path) == {"old": 1}


def test_subclasses_of_arrays_come_back_as_arrays(path):
    class Own(np.ndarray):
        """An array that stays as it is, as matrices stay matrices."""

        def reshape(self, *shape):
            return self

    value = np.arange(6.0).reshape(2, 3)
    write_tree(path, value.view(Own))
    again = read_tree(path)
    assert type(again) is np.ndarray
    np.testing.assert_array_equal(again, value)


def test_many_short_texts_take_no_more_than_they_hold(path):
    n = 20_000
    text = json.dumps({"objects": {"list": ["a"] * n}, "dtype": "<U256", "shape": [n]})
    write_tensors(path, {}, {"skmicro": text, "version": "2", "digest": digest_of({}, "2", text)})
    assert read_tree(path).nbytes < path.stat().st_size
    write_tree(path, {"few": np.array(["a"], "U256"), "many": np.full(n, "ab", "U256")})
    again = read_tree(path)
    assert (again["few"].dtype, again["many"].dtype) == ("U256", "U2")
