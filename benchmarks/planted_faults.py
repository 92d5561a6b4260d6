"""Power of the test suite: faults planted one at a time, and the test that catches each.

A fault replaces a piece of the library's source, wherever that lies, in a copy of the files that
git knows. The tests named with it run first, and where these catch nothing the whole suite.
A run without a fault must pass before.

Run ``python benchmarks/planted_faults.py``; arguments of pytest come last, after ``--``. With
``--only`` no results are written.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from _results import write_results

ROOT = Path(__file__).parents[1]
PYTEST = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=no", "-p", "no:cacheprovider"]
PASSED, FAILED, INTERRUPTED = 0, 1, 2  # what pytest returns
FAILURE = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", re.MULTILINE)

# Name, kind and files of tests/ likely to notice; a part of a line, and what takes its place.
FAULTS = r"""
radial-bins | off by half a bin | descriptors/test_lags.py descriptors/test_correlation_kernels.py
    np.floor((length - 0.5) / width)  =>  np.floor(length / width)
lineal-path-border | periodic border ignored | descriptors/test_lineal_path.py
    lines[:, :limit]]  =>  lines[:, :0]]
chord-places | places of chords in a window | descriptors/test_edge_correction.py
    np.array([[1], [0]])  =>  np.array([[0], [0]])
cluster-places | places of clusters in a window | descriptors/test_edge_correction.py
    places = side - 2 - last + first  =>  places = side - 1 - last + first
seam-taken | windows taken for periodic | images/test_borders.py
    if abs(border - near) < abs(border - far) else -apart  =>  if border >= 0 else -apart
even-lags-3d | wrong in 3-D only | descriptors/test_correlation_kernels.py
    for dim in dims[:-1]:  =>  for dim in dims[:1]:
mean-breadth-sign | sign, in 3-D only | descriptors/test_minkowski.py
    (-1) ** (n_axes - degree - 1)  =>  (-1) ** (n_axes - 1)
centroid-unit | wrong normalisation | descriptors/test_moments.py
    / (volume * side))  =>  / (volume * channels.shape[2]))
moment-names | names in another order than columns | descriptors/test_moments.py
    _{axis}" for axis in axes)]  =>  _{axis}" for axis in axes[::-1])]
lags-shared | cached table handed out | descriptors/test_lags.py
    [3].numpy().copy()  =>  [3].numpy()
tied-phases | wrong phase of ties | descriptors/test_two_point_cluster.py
    mask &= field > rival if other < channel else field >= rival  =>  mask &= field >= rival
grey-precision | single precision for double | descriptors/test_free_energy.py
    self.phases_ is None and images.dtype == np.float64  =>  False
double-ignored | wrong precision | properties/test_conduction.py
    "float64": torch.float64}  =>  "float64": torch.float32}
batch-order | rows in another order | common/test_battery.py
    return torch.cat(parts)  =>  return torch.cat(parts[::-1])
filling-kept | padded rows leak | common/test_battery.py
    yield index, min(batch_size, n_rows - start)  =>  yield index, batch_size
place-in-batch | last bits depend on the batch | networks/test_noise_field.py
    if x.numel() % REGISTERS == 0:  =>  if x.numel() > 0:

elastic-gradient | shear counted twice | properties/test_elasticity.py
    2 * normal + shear])  =>  2 * (normal + shear)])
mean-flux-unit | unit lost | properties/test_conduction.py
    self._unit() * np.where(cell.carried()[0]  =>  np.where(cell.carried()[0]
faces-in-series | mean of both sides of a face | properties/test_contacts.py
    2 / (1 / first + 1 / second)  =>  (first + second) / 2
blocked-flux | almost zero in place of zero | properties/test_contacts.py
    carried[:, :, None] & carried[:, None], found, 0.0)  =>  True, found, 0.0)
half-iteration | checkpoint in the middle of one | training/test_interruption.py
    if checkpoint is not None and whole:  =>  if checkpoint is not None:
other-phase | complement forgotten | conditioning/test_volume_fraction.py
    rows[:, left] = 1.0 - rows.sum(axis=1)  =>  rows[:, left] = rows.sum(axis=1)
strong-contrast-3d | coefficient, in 3-D only | properties/test_strong_contrast.py
    (2 * k1 + 3 * g1)  =>  (2 * k1 + 2 * g1)

circular-gradient | gradient to the wrong side | networks/test_networks.py
    inner.narrow(axis, n - 1, 1).add_(x  =>  inner.narrow(axis, 0, 1).add_(x
conditions-centre | conditions not whitened | conditioning/test_whitening.py
    (conditions - location).unsqueeze(1)  =>  conditions.unsqueeze(1)
flow-conditions | whitening of another condition | conditioning/test_process_variables.py
    whitened(known, self.whitenings[k])  =>  whitened(known, self.whitenings[0])
resized-network | state shared between copies | generators/test_image_size.py
    resized = copy.copy(self)  =>  resized = self

penalty-points | penalty at the ends only | losses/test_losses.py
    torch.lerp(fake, real, mix)  =>  torch.lerp(fake, real, mix.round())
attribute-weight | weight lost | losses/test_conditional.py
    return self.weight * error.square().mean()  =>  return error.square().mean()
latent-gradient | no gradient to the deviations | losses/test_variational.py
    (0.5 * log_variance).exp() *  =>  (0.5 * log_variance).exp().detach() *
hard-gradient | sign of a gradient | images/test_encoding.py
    one_hot + channels - channels.detach()  =>  one_hot - channels + channels.detach()
matching-noise | global random state | losses/test_matching.py
    noise = torch.randn(images.shape, generator=rng,  =>  noise = torch.randn_like(images,
fresh-seed | global random state | common/test_battery.py
    SeedSequence().generate_state  =>  SeedSequence(np.random.randint(2**31)).generate_state

projection-rate | wrong learning rate | training/test_training.py
    optimizer(projection.learning_rate)  =>  optimizer(learning_rate)
batches-checkpoint | checkpoint not restored | training/test_training.py
    self._waiting = waiting  =>  self._waiting = waiting[:0]
stopped-checkpoint | checkpoint not written | generators/test_robustness.py
    ends = stop or history.n_iter == n_iter  =>  ends = history.n_iter == n_iter
average-unused | average of weights not used | training/test_training.py
    kept["generator"] = kept.pop("average")  =>  kept.pop("average")
diverged-iteration | wrong error message | training/test_training.py
    at iteration {first + 1}.  =>  at iteration {first}.
search-stuck | search that never improves | training/test_training.py
    better = error < self.error[rows]  =>  better = error <= tolerance
rollback | state kept after an error | training/test_training.py
    vars(estimator).clear()  =>  vars(estimator).copy()

correction-sign | sign | conditioning/test_corrections.py
    fed[rows] += excess  =>  fed[rows] -= excess
warned-above-only | warning not given | generators/test_names.py generators/test_generators.py
    outside = (target.values < low - margin) | (target  =>  outside = (target
half-voxel | exact fraction off by one voxel | generators/test_generators.py
    count = int(np.floor(fraction * n_voxels + 0.5))  =>  count = int(fraction * n_voxels)
stretched-codes | factor not inverted | conditioning/test_fraction_scaling.py
    codes, 1.0 / self.scale  =>  codes, self.scale
moments-of-parts | weight of a part | conditioning/test_fraction_scaling.py
    * (n_before * n_new / total)  =>  * (n_new / total)
flow-channel | wrong phase channel | flows/test_flow.py generators/test_flow_matching.py
    (channels[:, 1:] if channels.shape[1] == 2  =>  (channels[:, :1] if channels.shape[1] == 2
damaged-input | input changed | flows/test_inpainting.py
    images = np.array(values)  =>  images = np.asarray(values)
filling-noise | noise of another variance | flows/test_inpainting.py
    (1 - t) ** 2 - share**2 * (1 - s) ** 2  =>  (1 - t) ** 2 * (1 - share**2)
field-border | border taken for periodic | random_fields/test_gaussian_random_field.py
    next_fast_len(side + min(half, side), real=True)  =>  next_fast_len(side, real=True)
saved-history | saved file loses an attribute | common/test_battery.py
    state.items() if k not in OF_A_RUN}  =>  state.items() if k not in OF_A_RUN | {"history_"}}

light-conditions | conditions not whitened | networks/test_networks.py
    [whitened(conditions, self.whitening), whole]  =>  [conditions, whole]
score-copies | repeated samples not seen | generators/test_generators.py
    (1 - near / usual).clamp_min(0)  =>  (0 * near)
best-weights | last weights kept | training/test_early_stopping.py
    self.watch.restore()  =>  pass
evaluation-draws | random stream moved by a look | training/test_early_stopping.py
    self.rng.set_state(rng)  =>  pass
score-phases | last phase only | generators/test_generators.py
    encoder.phases[-max(1, encoder.n_channels - 1) :]  =>  encoder.phases[-1:]
double-trained | wrong precision of networks | test_persistence.py
    dtype = resolve_precision(estimator.precision)  =>  dtype = torch.float32
double-loaded | wrong precision after loading | test_persistence.py
    {key: as_tensor(v) for  =>  {key: as_tensor(np.float32(v)) for
one-move | one move for a whole batch | images/test_augmentation.py
    in images.chunk(self.n_groups)]  =>  in images.chunk(1)]
sampling-unchecked | input not checked | generators/test_flow_matching.py
    if self.guidance != 1.0 and p_drop == 0 and  =>  if p_drop < 0 and

conformal-rank | ranks in floating point | regressors/test_uncertainty.py
    _as_written(coverage) * (n + 1)  =>  coverage * (n + 1)
turned-back | wrong way round | regressors/test_equivariance.py
    targets.moved(part, move.inverse)  =>  targets.moved(part, move)
calibration-seen | leak from calibration to training | regressors/test_uncertainty.py
    self._apart(rest, "validation_fraction"  =>  self._apart(samples, "validation_fraction"

nan-parameter | input not checked | datasets/test_ellipses.py
    if math.isnan(value) or (finite  =>  if (finite
tiff-pages | pages along the last axis | test_io.py
    np.stack(arrays)  =>  np.stack(arrays, axis=-1)
patches-overlap | overlap not seen | images/test_patches.py
    p=np.inf)  =>  p=2)
board-seed | seed ignored | datasets/test_randomness.py
    generator = numpy_generator(draw_seed(random_state))  =>  generator = numpy_generator(0)
grain-sizes | parameter ignored | datasets/test_polycrystals.py
    math.log1p(size_spread**2)  =>  math.log1p(0.5**2)
grain-targets | input changed | datasets/test_polycrystals.py
    missing = np.array(targets  =>  missing = np.asarray(targets
grain-axis | wrong axis | datasets/test_polycrystals.py
    [1.0] * (n_axes - 1) + [anisotropy]  =>  [anisotropy] + [1.0] * (n_axes - 1)
mirrored-copies | copies not found | evaluation/test_memorisation.py
    for order in orders for axes in flips  =>  for order in orders for axes in flips[:1]
neighbour-count | off by one neighbour | evaluation/test_metrics.py
    n_neighbors - 1, axis=0)[n_neighbors - 1]  =>  n_neighbors, axis=0)[n_neighbors]
tied-neighbours | ties counted whole | evaluation/test_metrics.py
    self.missing / (self.tied + 1)  =>  self.missing / self.tied
clipped-radii | outliers with large balls | evaluation/test_metrics.py
    radii = np.minimum(balls.radii, limit)  =>  radii = balls.radii
clipped-mass | off by one neighbour | evaluation/test_metrics.py
    rest = n_reference - n_neighbors  =>  rest = n_reference - n_neighbors + 1
tunnels-of-tori | what leads around ignored | descriptors/test_betti.py
    rest + 2 - ranks_around(  =>  rest - 1 + 0 * ranks_around(
report-stream | latents used twice | evaluation/test_evaluate.py
    generator.sample(n_samples, random_state=rng  =>  generator.sample(n_samples, random_state=0
smoothed-history | off by the window | plotting/test_history_display.py
    iterations[window - 1 :], smooth  =>  iterations[: len(smooth)], smooth
figures-left-open | figure left after an error | plotting/test_conventions.py
    set(pyplot().get_fignums()) - set(figures)  =>  set(figures) - set(pyplot().get_fignums())
turned-kernels | group axis not turned | networks/test_mapped.py
    turn.inverse(k(corners)).flatten()  =>  k(corners).flatten()
latents-once | input not added again | networks/test_mapped.py
    SLOPE) + self.again(w)  =>  SLOPE) + 0.0 * self.again(w)
seen-channels | critic sees the first phase | losses/test_standard.py
    images[:, 1:] if images.shape[1] == 2  =>  images[:, :1] if images.shape[1] == 2
mapping-rate | factor of the rate ignored | generators/test_volume_wgan.py
    group["lr"] * group.get("factor", 1.0)  =>  group["lr"]
latent-spread | parameter ignored | generators/test_volume_wgan.py
    self.network(self.sigma * latents, conditions)  =>  self.network(latents, conditions)
shared-gradients | gradients not averaged | training/test_distributed.py
    distributed.average_gradients(self.parameters)  =>  pass
shared-adjoint | factor of an adjoint | training/test_distributed.py
    _Together.apply(gradient) / distributed.get_world_size()  =>  _Together.apply(gradient)
shared-statistics | normalisation of a part of the batch | training/test_distributed.py
    mean = _Mean.apply(x.mean(dim=dims))  =>  mean = x.mean(dim=dims)
shared-seed | seeds of processes differ | training/test_distributed.py
    return from_first(lambda: seed)  =>  return seed
last-block | last voxels not read | images/test_large.py
    range(0, len(images) if step else 0  =>  range(0, len(images) - 1 if step else 0
sphere-borders | distances without the borders | datasets/test_spheres.py
    tree = cKDTree(draws, boxsize=box)  =>  tree = cKDTree(draws)
mesh-slaves | edges twice in slave sets | test_voxel_mesh.py
    place = [slice(0, -1)] * len(shape)  =>  place = [slice(None)] * len(shape)
masked-pairs | pairs with an unknown end count | descriptors/test_parts_known.py
    return there * here  =>  return torch.maximum(there, here)
masked-places | places of chords of another length | descriptors/test_parts_known.py
    known_before * longer  =>  known_before * room
masked-crops | windows with unknown voxels | training/test_matching_step.py
    known_shares(~known, self.shape) == 1  =>  known_shares(~known, self.shape) > 0.8
mask-dropped | what is under a mask counts | common/test_unknown_voxels.py
    unknown = None if mask is None else mask.reshape(images.shape)  =>  unknown = None
spacing-squares | bins by voxels in place of lengths | descriptors/test_spacing.py
    ((scale * lags) ** 2)  =>  (lags**2)
spacing-faces | faces without their area | descriptors/test_spacing.py
    drop / scales[axis])  =>  drop)
spacing-directions | neighbours weigh the same | descriptors/test_spacing.py
    / (math.hypot(*lengths) / weight)  =>  / math.hypot(*lengths)
spacing-chords | test lines of unlike lengths | descriptors/test_spacing.py
    [:, :n] / scale  =>  [:, :n]
"""


class Fault(NamedTuple):
    """A fault, and the tests to try first."""

    name: str
    kind: str
    likely: list
    before: str
    after: str


def read_faults(text):
    """Return the faults of a table of two lines each, by name."""
    lines = [line.strip() for line in text.splitlines() if line]
    faults = {}
    for head, change in zip(lines[::2], lines[1::2], strict=True):
        name, kind, likely = head.split(" | ")
        paths = [f"tests/{path}" for path in likely.split()]
        faults[name] = Fault(name, kind, paths, *change.split("  =>  "))
    return faults


@contextmanager
def copied_checkout():
    """Yield a folder with the files that git knows, as they are now."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, stdout=subprocess.PIPE, check=True)
    with tempfile.TemporaryDirectory() as folder:
        for name in filter(None, names.stdout.decode().split("\0")):
            target = Path(folder, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
        yield Path(folder)


def plant(fault, folder):
    """Put a fault into a copy and return the file and line."""
    texts = {path: path.read_text() for path in (folder / "skmicro").rglob("*.py")}
    found = [path for path, text in texts.items() for _ in range(text.count(fault.before))]
    if len(found) != 1:
        where = sorted(str(path.relative_to(folder)) for path in found) or "no file"
        raise SystemExit(f"{fault.name}: {fault.before!r} must be once in skmicro, got {where}.")
    before, after = texts[found[0]].split(fault.before)
    found[0].write_text(before + fault.after + after)
    return f"{found[0].relative_to(folder)}:{before.count(chr(10)) + 1}"


def first_failure(folder, arguments):
    """Run tests of a copy and return the name of the first that fails, or None."""
    done = subprocess.run(
        [*PYTEST, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode not in (PASSED, FAILED, INTERRUPTED):
        raise SystemExit(f"pytest {' '.join(arguments)} did not run:\n{done.stdout}")
    return FAILURE.search(done.stdout)[1] if done.returncode != PASSED else None


def judge(fault, likely_only, arguments):
    """Plant a fault in a copy of its own, run the tests, print and return a row."""
    start = time.perf_counter()
    with copied_checkout() as folder:
        place = plant(fault, folder)
        caught = first_failure(folder, [*arguments, *fault.likely])
        if caught is None and not likely_only:
            caught = first_failure(folder, arguments)
    seconds = round(time.perf_counter() - start, 1)
    outcome = f"caught by {caught}" if caught else "NOT CAUGHT"
    print(f"{fault.name:<20}{fault.kind:<36}{place:<46}{outcome}  {seconds} s", flush=True)
    row = {"name": fault.name, "kind": fault.kind, "place": place}
    return row | {"caught_by": caught, "seconds": seconds}


def main():
    """Plant the faults, print the table and, after all of them, write the results."""
    faults = read_faults(FAULTS)
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=faults, default=list(faults))
    parser.add_argument("--list", action="store_true", help="print the faults and run nothing")
    parser.add_argument("--likely-only", action="store_true", help="never run the whole suite")
    parser.add_argument("--jobs", type=int, default=1, help="faults at a time")
    parser.add_argument("arguments", nargs="*", help="of pytest, after --")
    options = parser.parse_args()
    chosen = [faults[name] for name in options.only]
    if options.list:
        for fault in chosen:
            print(f"{fault.name:<20}{fault.kind:<36}{fault.before}  =>  {fault.after}")
        return
    with copied_checkout() as folder:
        likely = sorted({path for fault in chosen for path in fault.likely})
        failure = first_failure(folder, [*options.arguments, *likely])
    if failure is not None:
        raise SystemExit(f"{failure} fails without a fault.")
    with ThreadPoolExecutor(options.jobs) as pool:
        judged = pool.map(lambda f: judge(f, options.likely_only, options.arguments), chosen)
        rows = list(judged)
    print(f"{sum(row['caught_by'] is not None for row in rows)} of {len(rows)} faults are caught.")
    if len(rows) == len(faults):
        settings = {"likely_only": options.likely_only, "arguments": options.arguments}
        write_results("planted_faults", settings | {"rows": rows})


if __name__ == "__main__":
    main()
