"""Every function and display that takes images honours unknown voxels or refuses them by name."""

import inspect
import re

import numpy as np
import pytest
from cases import case
from tiny import fitted, phase_images, tiny

import skmicro
from skmicro import evaluation, generators, images, io, plotting, properties, regressors

X = phase_images(8)
MODULES = (skmicro, evaluation, io, plotting, properties, regressors)
# Of files, numbers, reports and fitted estimators.
WITHOUT_IMAGES = {
    "Bounds", "Comparison", "ConditionalReport", "EvaluationReport", "HistoryDisplay",
    "LocalFields", "Metric", "Calibration", "Moduli", "RepresentativeVolume", "TargetDisplay",
    "clipped_density_coverage", "compare", "conductivity_bounds", "density_coverage",
    "descriptor_wasserstein", "elastic_bounds", "isotropic_moduli", "load", "mean_relative_error",
    "mutual_information_gap", "read_images", "show_versions", "split_patches",
    "strong_contrast_conductivity", "strong_contrast_moduli", "target_distances", "young_modulus",
}  # fmt: skip
# They take what an estimator takes, and leave the refusal to it.
OF_ESTIMATORS = {"AugmentationCurveDisplay", "PredictionDisplay"}
HONOURING = {"extract_patches"}


def unknown_images():
    """Images some of whose voxels are masked, or NaN."""
    mask = np.random.default_rng(0).random(X.shape) < 0.2
    mask[:, 0, 0] = True
    masked = np.ma.masked_array(np.where(mask, 9, X), mask)
    return masked, masked.astype(float).filled(np.nan)


def calls(folder):
    """Return what takes images, by its name: functions of unknown images U."""
    flow, vae, cnn = map(
        fitted, (generators.FlowMatchingGenerator, generators.VAE, regressors.CNNRegressor)
    )
    one = np.zeros(X.shape[1:])
    e, p = evaluation, plotting
    return {
        "evaluate": [
            lambda U: e.evaluate(U, X, X),
            lambda U: e.evaluate(X, U, X),
            lambda U: e.evaluate(X, X, U),
            lambda U: e.evaluate(flow, X, U, targets={"p1": [0.4, 0.5]}),
        ],
        "diversity": [e.diversity, lambda U: e.diversity(list(U))],
        "memorisation": [lambda U: e.memorisation(U, X), lambda U: e.memorisation(X, U)],
        "local_memorisation": [
            lambda U: e.local_memorisation(U, X),
            lambda U: e.local_memorisation(X, U),
        ],
        "two_point_rmse": [lambda U: e.two_point_rmse(U, X), lambda U: e.two_point_rmse(X, U)],
        "representative_volume": [e.representative_volume],
        "occlusion_map": [lambda U: regressors.occlusion_map(cnn, U[0])],
        "conduction_fields": [lambda U: properties.conduction_fields(U[0], (1, 0))],
        "elastic_fields": [lambda U: properties.elastic_fields(U[0], (1, 0, 0))],
        "segment": [skmicro.segment, lambda U: skmicro.segment(U, threshold=0.5)],
        "write_voxel_mesh": [lambda U: io.write_voxel_mesh(folder / "mesh.inp", U[0])],
        "check_image": [lambda U: images.check_image("X", U[0])],
        "check_stack": [
            lambda U: images.check_stack("X", U),
            lambda U: images.check_stack("X", list(U)),
        ],
        "sample_volume": [lambda U: flow.sample_volume(1, sections={(0, 0): U[0]})],
        "DescriptorDistributionDisplay": [
            lambda U: p.DescriptorDistributionDisplay.from_estimator(flow, U),
            lambda U: p.DescriptorDistributionDisplay.from_images({"scan": U}),
        ],
        "InterpolationDisplay": [
            p.InterpolationDisplay.from_images,
            lambda U: p.InterpolationDisplay(U, np.zeros(8), np.zeros(8)).plot(),
        ],
        "OcclusionDisplay": [lambda U: p.OcclusionDisplay(U[0], one).plot()],
        "SampleGridDisplay": [
            lambda U: p.SampleGridDisplay.from_estimator(flow, U),
            p.SampleGridDisplay.from_images,
            lambda U: p.SampleGridDisplay([U]).plot(),
        ],
        "TraversalDisplay": [
            lambda U: p.TraversalDisplay(U[None], np.zeros((1, 8)), [0]).plot(),
        ],
        "TwoPointDisplay": [
            lambda U: p.TwoPointDisplay.from_estimator(flow, U),
            lambda U: p.TwoPointDisplay.from_estimator(flow, X, target_images=U),
            lambda U: p.TwoPointDisplay.from_images({"scan": U}),
            lambda U: p.TwoPointDisplay.from_images({"scan": X}, target_images=U),
        ],
        "VolumeDisplay": [lambda U: p.VolumeDisplay(U[:6]).plot()],
        "FlowMatchingGenerator": [
            lambda U: p.InterpolationDisplay.from_estimator(flow, U[0], X[0]),
            lambda U: flow.fine_tune(U, n_iter=1),
            flow.score,
            flow.reconstruct,
        ],
        "VAE": [
            lambda U: p.TraversalDisplay.from_estimator(vae, U[0]),
            lambda U: vae.traverse(U[0], 0),
        ],
        "HybridGAN": [lambda U: tiny(generators.HybridGAN, calibration=U).fit(X)],
    }  # fmt: skip


def test_functions_and_displays_refuse_unknown_voxels_by_name(tmp_path):
    for name, functions in calls(tmp_path).items():
        by = "The function" if name.startswith("check_") else name
        rule = (
            rf"\b{by} does not support unknown voxels \(masked or NaN\), got \d+ in \w.*: "
            "skmicro.extract_patches cuts parts without any"
        )
        for index, function in enumerate(functions):
            for unknown in unknown_images():
                kind = type(unknown).__name__
                with case(name, index, kind), pytest.raises(ValueError, match=rule):
                    function(unknown)


def test_nothing_that_takes_images_is_left_out(tmp_path):
    public = {
        name: item
        for module in MODULES
        for name, item in ((name, getattr(module, name)) for name in module.__all__)
        if inspect.isfunction(item) or (inspect.isclass(item) and not hasattr(item, "fit"))
    }
    known = set(calls(tmp_path)) | WITHOUT_IMAGES | OF_ESTIMATORS | HONOURING | {"write_images"}
    assert set(public) <= known, set(public) - known


def test_files_keep_nan_and_no_masks(tmp_path):
    masked, with_nan = unknown_images()
    n = np.count_nonzero(masked.mask)
    rule = re.escape(f"write_images does not support masked voxels, got {n} in images: ")
    layout = {".raw": {"shape": X.shape, "dtype": "float64"}, ".mat": {"axes": "YXN"}}
    for suffix in (".npy", ".npz", ".h5", ".mat", ".tif", ".raw", ".vti", ".mha", ".nrrd"):
        path = tmp_path / f"scan{suffix}"
        volume = suffix in (".vti", ".mha", ".nrrd")
        with case(suffix):
            with pytest.raises(ValueError, match=rule):
                io.write_images(path, masked, volume=volume)
            assert not path.exists()
            io.write_images(path, with_nan, volume=volume)
            read = io.read_images(path, **layout.get(suffix, {}))
            np.testing.assert_array_equal(read.reshape(X.shape), with_nan)


def test_numbers_that_are_masked_are_refused():
    masked = unknown_images()[0].reshape(8, -1)
    whole = X.reshape(8, -1).astype(float)
    for function in (
        evaluation.density_coverage, evaluation.clipped_density_coverage,
        evaluation.descriptor_wasserstein, evaluation.mean_relative_error,
        evaluation.mutual_information_gap,
    ):  # fmt: skip
        for arguments in ((masked, whole), (whole, masked)):
            with case(function.__name__), pytest.raises(ValueError, match="no masked values, got"):
                function(*arguments)
    with pytest.raises(ValueError, match=r"^Z must have no masked values, got 2\.$"):
        fitted(generators.VAE).inverse_transform(
            np.ma.masked_array(np.eye(3), np.eye(3) * [1, 1, 0])
        )
