"""The documentation does what it says: its code runs, its lists are complete."""

import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
import textwrap
import tomllib
import types
import warnings
from pathlib import Path

import numpy as np
import pytest

import skmicro
from skmicro import exceptions
from skmicro.conditioning import _fraction_scaling
from skmicro.descriptors import VolumeFraction
from skmicro.evaluation import _ruler
from skmicro.flows import _inpainting, _sections
from skmicro.generators import WGANGP, FlowMatchingGenerator, HybridGAN, InvNetGenerator
from skmicro.training import averaging
from skmicro.utils import all_generators

ROOT = Path(__file__).parents[1]
DOC = ROOT / "doc"

sys.path.append(str(ROOT / "tests" / "common"))
battery = importlib.import_module("test_battery")
bad_input = importlib.import_module("test_bad_input")
phase_images = importlib.import_module("tiny").phase_images
tiny = importlib.import_module("tiny").tiny


def rst_blocks(path):
    """Python code blocks of a reStructuredText page, with the line each starts in."""
    lines = path.read_text().splitlines()
    blocks, start = [], None
    for number, line in enumerate([*lines, "end"]):
        if line.strip() == ".. code-block:: python":
            start = number + 1
        elif start is not None and line and not line.startswith(" "):
            blocks.append((start, textwrap.dedent("\n".join(lines[start:number]))))
            start = None
    return blocks


def readme_blocks(*languages):
    fences = re.findall(r"^```(\w*)\n(.*?)^```", (ROOT / "README.md").read_text(), re.M | re.S)
    return [content for language, content in fences if language in languages]


def run_blocks(blocks, path, namespace):
    """Run blocks one after the other; errors show the page and its line."""
    for start, block in blocks:
        exec(compile("\n" * start + block, str(path), "exec"), namespace)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The classes of doc/extending.rst, in a module of their own so that they pickle."""
    module = types.ModuleType("extending_page")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, module.__name__, module)
        patch.chdir(tmp_path_factory.mktemp("extending"))
        path = DOC / "extending.rst"
        # The last block is scikit-learn's suite, a test of its own below.
        run_blocks(rst_blocks(path)[:-1], path, vars(module))
        yield module


@pytest.mark.slow
@pytest.mark.usefixtures("short_searches")
def test_extending_page_passes_scikit_learn_suite(page):
    path = DOC / "extending.rst"
    block = rst_blocks(path)[-1]
    assert block[1].count("check_estimator(") == 2
    run_blocks([block], path, vars(page))


def test_new_generator_samples_with_targets(page, tmp_path):
    X = phase_images(n=12, shape=(8, 8))
    generator = tiny(page.LeastSquaresGAN, n_iter=5).fit(X)
    images = generator.sample(5, p1=0.5, exact=True, random_state=0)
    np.testing.assert_array_equal(images.mean(axis=(1, 2)), 0.5)
    generator.save(tmp_path / "gan.skm")
    again = skmicro.load(tmp_path / "gan.skm").sample(5, p1=0.5, exact=True, random_state=0)
    np.testing.assert_array_equal(again, images)


def test_new_descriptor_is_a_target_of_the_new_generator(page):
    generator = tiny(page.LeastSquaresGAN, target_tol=0.2).fit(phase_images(n=12, shape=(8, 8)))
    density = page.InterceptDensity().fit(phase_images(shape=(8, 8)))
    own = density.transform(generator.sample(1, random_state=1))[0]
    images = generator.sample(3, intercepts=own, random_state=0)
    missed = density.transform(images) - own
    assert np.sqrt(np.square(missed).mean(axis=1)).max() <= 0.2


def test_new_generator_scales_latents(page):
    X = phase_images(n=12, shape=(16, 16))
    spread = [
        tiny(page.LeastSquaresGAN, latent_scale=scale).fit(X).sample(10, random_state=0).std(axis=0)
        for scale in (1.0, 1e-3)
    ]
    assert spread[1].mean() < 0.2 * spread[0].mean()
    with pytest.raises(ValueError, match="latent_scale must lie in"):
        tiny(page.LeastSquaresGAN, latent_scale=2.0).fit(X)


def battery_of(cls):
    """Tests of tests/common that run on a public class and need no other parameters."""
    found = []
    for module in (battery, bad_input):
        for name, test in inspect.getmembers(module, inspect.isfunction):
            marks = [mark for mark in getattr(test, "pytestmark", ()) if mark.name == "parametrize"]
            runs = any(mark.args[0] == "cls" and cls in mark.args[1] for mark in marks)
            if name.startswith("test_") and len(marks) == 1 and runs:
                found.append(pytest.param(test, id=name))
    return found


def run_battery(test, cls, tmp_path):
    """Run a test of tests/common, whose assertions are its own."""
    known = {"cls": cls, "tmp_path": tmp_path}
    test(**{name: known[name] for name in inspect.signature(test).parameters})


@pytest.mark.usefixtures("short_searches")
@pytest.mark.parametrize("test", battery_of(WGANGP))
def test_new_generator_passes_the_battery(page, test, tmp_path):
    run_battery(test, page.LeastSquaresGAN, tmp_path)


@pytest.mark.parametrize("test", battery_of(VolumeFraction))
def test_new_descriptor_passes_the_battery(page, test, tmp_path):
    run_battery(test, page.InterceptDensity, tmp_path)


NARROW = {"width", "critic_width"}
"""Parameters that set the number of channels, of which pages show nothing."""


@pytest.fixture
def short_presets(monkeypatch):
    """Let presets be narrow and do little after the training, and flows fill regions in two steps.

    Reports divide images a tenth as often. Trainings of pages are short; what follows them is not,
    and has tests of its own.
    """
    for _, cls in all_generators():
        for name in NARROW & getattr(cls, "_light", {}).keys():
            monkeypatch.setitem(cls._light, name, 4)
    for cls in (HybridGAN, InvNetGenerator):
        monkeypatch.setitem(cls._light, "n_level_steps", 2)
    monkeypatch.setattr(averaging, "N_BATCHES", 2)
    monkeypatch.setattr(_fraction_scaling, "N_DRAWS", 32)
    monkeypatch.setattr(_fraction_scaling, "N_GRADIENTS", 16)
    monkeypatch.setattr(_inpainting, "N_STEPS", 2)
    monkeypatch.setattr(_inpainting, "N_ROUNDS", 2)
    monkeypatch.setattr(_sections, "N_STEPS", 2)
    monkeypatch.setattr(_ruler, "N_DIVISIONS", 100)
    monkeypatch.setattr(_ruler, "N_SPLITS", 20)


# Sizes of images that pages show, and those that their code runs with. The pages that name voxels
# of their images run as they are.
NAMING_VOXELS = {"descriptors", "flow_matching"}
SMALLER = {"(32, 32)": "(16, 16)", "(64, 64)": "(16, 16)", "(256, 256)": "(128, 128)"}


def with_small_images(block):
    """Return a block of a page with smaller images in place of those that it shows."""
    return re.sub("|".join(map(re.escape, SMALLER)), lambda found: SMALLER[found[0]], block)


@pytest.mark.usefixtures("short_searches", "short_presets")
@pytest.mark.parametrize("path", sorted((DOC / "user_guide").glob("*.rst")), ids=lambda p: p.stem)
def test_user_guide(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        for name in ("TargetWarning", "ThresholdWarning", "ExtrapolationWarning"):
            warnings.simplefilter("ignore", getattr(exceptions, name))
        # Blocks raise by themselves; a page whose blocks are not found would pass as well.
        blocks = rst_blocks(path)
        assert len(blocks) == path.read_text().count(".. code-block:: python")
        if path.stem not in NAMING_VOXELS:
            blocks = [(start, with_small_images(block)) for start, block in blocks]
        run_blocks(blocks, path, {})


def first_examples(path):
    """Python code of README.md or of the first page, with small images in place of large ones."""
    blocks = readme_blocks("python") if path.suffix == ".md" else [b for _, b in rst_blocks(path)]
    small = {"(1024, (64, 64)": "(32, (16, 16)", "(1000, p1": "(10, p1"}
    if path.suffix == ".md":
        small["crop_shape=(64, 64)"] = "crop_shape=(16, 16)"
        small["(200, shape=(128, 128)"] = "(2, shape=(32, 32)"
    for large, other in small.items():
        assert sum(block.count(large) for block in blocks) == 1
        blocks = [block.replace(large, other) for block in blocks]
    return blocks


@pytest.mark.usefixtures("short_presets")
@pytest.mark.parametrize("name", ["README.md", "doc/index.rst"])
def test_first_examples(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(FlowMatchingGenerator._light, "n_iter", 5)
    skmicro.write_images("micrograph.png", phase_images(n=1, shape=(48, 48)))
    with warnings.catch_warnings():
        for kind in (exceptions.TargetWarning, exceptions.ExtrapolationWarning):
            warnings.simplefilter("ignore", kind)
        namespace = {}
        run_blocks([(0, block) for block in first_examples(ROOT / name)], ROOT / name, namespace)
    assert len(namespace["images"]) == (2 if "micrograph" in namespace else 10)


def test_readme_has_exactly_two_commands():
    commands = readme_blocks("", "sh", "bash", "shell", "console")
    assert len(commands) == 2
    assert all(command.count("\n") == 1 for command in commands)
    example, tests = commands
    assert example.rstrip().endswith("python examples/quickstart.py")
    assert tests.rstrip().endswith("-m pytest -n auto")
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for command in commands:
        assert command.startswith("python3 -m venv .venv && ")
        assert set(re.findall(r"\[(\w+)\]", command)) <= set(extras["optional-dependencies"])
        named = re.findall(r"[\w/]+\.(?:py|txt)\b", command)
        assert all((ROOT / file).is_file() for file in named)


def test_ci_finds_the_readme_test_command():
    script = ROOT / ".ci" / "run"
    program = re.search(r"awk '([^']*)' README.md", script.read_text()).group(1)
    found = subprocess.run(
        ["awk", program, ROOT / "README.md"], capture_output=True, text=True, check=True
    )
    assert found.stdout == readme_blocks("", "sh", "bash", "shell", "console")[1]


def test_readme_links_lead_somewhere():
    links = re.findall(r"\]\(([^)#]+)", (ROOT / "README.md").read_text())
    local = [link for link in links if not link.startswith("http")]
    assert "doc/_static/quickstart.png" in local
    assert [link for link in local if not (ROOT / link).exists()] == []


def public_names():
    """Classes and functions by their public address, without ``skmicro.``."""
    for info in [None, *pkgutil.iter_modules(skmicro.__path__)]:
        if info is not None and info.name.startswith("_"):
            continue
        address = "skmicro" if info is None else f"skmicro.{info.name}"
        module = importlib.import_module(address)
        names = getattr(module, "__all__", None) or [
            name
            for name, value in vars(module).items()
            if not name.startswith("_") and getattr(value, "__module__", None) == address
        ]
        for name in names:
            if inspect.isclass(getattr(module, name)) or inspect.isfunction(getattr(module, name)):
                yield name if info is None else f"{info.name}.{name}"


def test_api_reference_is_complete():
    listed = set(re.findall(r"^   ([\w.]+)$", (DOC / "api.rst").read_text(), re.M))
    top_level = {name for name in public_names() if "." not in name}
    missing = {
        name
        for name in public_names()
        if name not in listed and not (name.split(".")[-1] in top_level and top_level <= listed)
    }
    assert missing == set()


def rows_of_promises():
    """Return the text and the files of each row of the page of promises."""
    page = (DOC / "user_guide" / "promises.rst").read_text()
    rows = re.findall(r"^   \* - (.*?)^     - (.*?)$", page, re.M | re.S)
    return [(text, re.findall(r"``((?:tests|benchmarks)/\S+)``", files)) for text, files in rows]


def test_promises_name_files_that_are_there_and_the_trials_that_they_run():
    rows = [(text, files) for text, files in rows_of_promises() if files]
    assert len(rows) > 15
    for text, files in rows:
        contents = [(ROOT / file).read_text() for file in files]
        trials = re.search(r"\((\d+) [^()]*slow:\s+(\d+)\)", text)
        assert trials is None or any(
            f"FEW, MANY = {trials[1]}, {trials[2]}\n" in content for content in contents
        ), text
        marked = [file for file in files if file.startswith("tests/robustness/")]
        assert trials or not marked or "image file" in text, text
