"""Properties on a real cluster of workers: the same numbers, bit for bit."""

import joblib
import numpy as np
import pytest
from cells import random_image

from skmicro.properties import ElasticStiffness


@pytest.mark.slow
def test_dask_gives_the_same_numbers():
    distributed = pytest.importorskip("distributed", reason="needs the extra 'cluster'")
    images = np.concatenate([random_image((16, 16), seed=seed) for seed in range(300)])
    estimator = ElasticStiffness(young=(1.0, 8.0), outputs=["C11"], n_jobs=-1).fit(images)
    alone = estimator.set_params(n_jobs=None).transform(images)
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    )
    with cluster, distributed.Client(cluster) as client:
        with joblib.parallel_config("dask"):
            spread = estimator.set_params(n_jobs=-1).transform(images)
        worked = client.run(lambda: "skmicro" in __import__("sys").modules)
    np.testing.assert_array_equal(spread, alone)
    assert any(worked.values())
