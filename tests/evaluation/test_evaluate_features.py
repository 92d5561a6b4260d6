"""evaluate: properties and features of the user's own are rows like all others."""

import numpy as np
import pytest
import torch
from sklearn.preprocessing import FunctionTransformer

from skmicro.datasets import make_cahn_hilliard
from skmicro.descriptors import VolumeFraction
from skmicro.evaluation import evaluate
from skmicro.properties import EffectiveConductivity, ElasticStiffness, Permeability

COARSE = {"rtol": 1e-3, "device": "cpu"}


@pytest.fixture(scope="module")
def real():
    X, _ = make_cahn_hilliard(36, (8, 8), n_steps=150, random_state=0)
    return np.split(X, 3)


def report_of(real, **features):
    X_train, X_test, samples = real
    return evaluate(
        samples,
        X_train,
        X_test,
        descriptors=[VolumeFraction()],
        periodic=True,
        random_state=0,
        n_bootstrap=20,
        **features,
    )


@pytest.mark.representatives("kind0-k22", "kind1-C11")
@pytest.mark.parametrize(
    ("kind", "column"),
    [
        (EffectiveConductivity(conductivity=(1.0, 10.0), outputs=("k11", "k22"), **COARSE), "k22"),
        (
            ElasticStiffness(young=(1.0, 10.0), poisson=(0.3, 0.3), outputs=("C11",), **COARSE),
            "C11",
        ),
        (Permeability(max_lag=2), "k"),
    ],
)
def test_properties_are_rows_beside_their_baseline(real, kind, column):
    report = report_of(real, properties=[kind])
    assert not hasattr(kind, "image_shape_")
    X_train, X_test, samples = real
    names = list(kind.fit(X_train).get_feature_names_out())
    of_samples, of_test = (
        kind.transform(X)[:, names.index(column)].mean() for X in (samples, X_test)
    )
    assert report[f"{column} mean"].value == pytest.approx(of_samples, rel=1e-5)
    assert report[f"{column} ratio"].value == pytest.approx(of_samples / of_test, rel=1e-5)
    rows = [row.name for row in report.metrics if row.name.startswith(f"{column} ")]
    kinds = ("mean", "ratio", "spread", "outside", "Wasserstein")
    assert rows[:5] == [f"{column} {kind}" for kind in kinds]


def test_worse_conductors_are_told_from_real_ones(real):
    X_train, X_test, samples = real
    conductivity = EffectiveConductivity(outputs=("k11",), **COARSE)
    poor = samples * (np.arange(8) % 2)  # every other column insulates
    report = report_of((X_train, X_test, poor), properties=[conductivity])
    assert report["k11 ratio"].high < 0.8


def test_a_network_measures_features_of_its_own(real):
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(1, 9, 3), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()
    )

    def features(X):
        with torch.no_grad():
            return network(torch.as_tensor(X, dtype=torch.float32).unsqueeze(1)).numpy()

    report = report_of(real, properties=[FunctionTransformer(features)])
    of_samples, of_test = (features(X).mean(axis=0) for X in (real[2], real[1]))
    expected = np.linalg.norm(of_samples - of_test) / np.linalg.norm(of_test)
    row = report["FunctionTransformer relative error"]
    assert row.value == pytest.approx(expected, rel=1e-5)
    assert report["FunctionTransformer Wasserstein"].value > 0
    # What the network does not see is seen beside it.
    assert "p1 mean" in [row.name for row in report.metrics]


def test_what_gives_no_numbers_is_refused(real):
    for item, message in (
        (VolumeFraction, "properties must hold transformers, got <class"),
        (FunctionTransformer(lambda X: ["a"] * len(X)), "must give real numbers, got dtype <U1"),
        (FunctionTransformer(lambda X: X.mean((1, 2)) * 1j), "must give real numbers, got dtype"),
    ):
        with pytest.raises(TypeError, match=message):
            report_of(real, properties=[item])
