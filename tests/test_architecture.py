"""The rules that keep the library small: who may import whom, and what stays in one place."""

import ast
import subprocess
import sys
import textwrap
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import skmicro
from skmicro.descriptors import VolumeFraction
from skmicro.utils import all_estimators

PACKAGE = Path(skmicro.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

LEVELS = [
    {"exceptions", "_version", "_arrays", "_random", "_checks", "_warnings", "_rollback", "_files",
     "_forks", "_threads", "_typing", "_callbacks", "_moments", "_tensors", "registry",
     "persistence", "parameters", "rules"},
    {"images"},
    {"descriptors", "networks", "datasets", "io"},
    {"losses", "properties"},
    {"training"},
    {"conditioning"},
    {"flows", "markov_fields", "random_fields"},
    {"generators", "regressors"},
    {"reports"},
    {"evaluation", "plotting", "utils"},
]  # fmt: skip
LEVEL_OF = {part: level for level, parts in enumerate(LEVELS) for part in parts}
GLOBAL_SEEDS = {
    "torch.manual_seed", "torch.seed", "torch.random.manual_seed", "torch.cuda.manual_seed",
    "torch.cuda.manual_seed_all", "np.random.seed", "numpy.random.seed", "random.seed",
    "np.random.set_state", "torch.set_rng_state",
}  # fmt: skip
OPTIONAL = {
    "matplotlib",
    "tifffile",
    "PIL",
    "h5py",
    "nrrd",
    "imagecodecs",
    "pandas",
    "polars",
    "dask",
    "gudhi",
}
TORCH_DRAWS = {"rand", "randn", "randint", "randperm", "normal", "bernoulli", "multinomial"}


def part_of(path):
    """The first name below the package: a folder or a top-level file."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@cache
def tree_of(path):
    return ast.parse(path.read_text(), str(path))


def imports(path, tree=None):
    """Absolute dotted names of all modules that a file imports from, local imports included."""
    package = ["skmicro", *path.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(tree if tree is not None else tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *(node.module or "").split(".")]).strip(".")
            if module == "skmicro":
                yield from (f"skmicro.{alias.name}" for alias in node.names)
            else:
                yield module


def dotted(node):
    """The source of a chain of names, such as ``torch.optim.Adam``, else an empty string."""
    names = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return ".".join([node.id, *names[::-1]]) if isinstance(node, ast.Name) else ""


def uses(path, kind):
    return [node for node in ast.walk(tree_of(path)) if isinstance(node, kind)]


def level_faults(path, tree=None):
    """Imports of a file that the levels do not allow."""
    own = part_of(path)
    for module in imports(path, tree):
        root, _, rest = module.partition(".")
        other = rest.split(".")[0]
        if root != "skmicro" or other in ("", own):
            continue
        downwards = LEVEL_OF[other] < LEVEL_OF[own]
        within_contracts = LEVEL_OF[other] == LEVEL_OF[own] == 0
        if not (downwards or within_contracts):
            yield f"{own} imports {other}"


def test_every_part_has_a_level():
    assert {part_of(path) for path in FILES} - {"__init__"} <= set(LEVEL_OF)


def test_imports_point_to_lower_levels():
    # The first file collects the public names of all levels.
    below = [path for path in FILES if path != PACKAGE / "__init__.py"]
    assert {path: faults for path in below if (faults := list(level_faults(path)))} == {}


@pytest.mark.parametrize(
    ("place", "source", "fault"),
    [
        ("losses/a.py", "from ..training import run", "losses imports training"),
        ("networks/a.py", "from ..descriptors._kernels import f", "networks imports descriptors"),
        ("networks/a.py", "def f():\n    from .. import io", "networks imports io"),
        ("registry.py", "import skmicro.losses", "registry imports losses"),
        ("images/a.py", "from ..io import read_images", "images imports io"),
    ],
)
def test_the_rule_finds_offenders(place, source, fault):
    assert list(level_faults(PACKAGE / place, ast.parse(source))) == [fault]


def private_entries(path):
    """Private names or modules of other rooms that a file imports."""
    package = ["skmicro", *path.relative_to(PACKAGE).parts[:-1]]
    for node in uses(path, ast.ImportFrom):
        base = package[: len(package) - node.level + 1] if node.level else []
        room = [*base, *(node.module or "").split(".")][:2]
        inside = node.level == 1 or room == package[:2]
        if room[0] == "skmicro" and room[-1] and not inside and (PACKAGE / room[-1]).is_dir():
            names = [*(node.module or "").split(".")[1:], *(alias.name for alias in node.names)]
            yield from (f"{room[-1]}.{name}" for name in names if name.startswith("_"))


def test_rooms_are_entered_by_what_they_export():
    assert {path: found for path in FILES if (found := list(private_entries(path)))} == {}


def test_contracts_import_each_other_without_cycles():
    contracts = {
        path.stem: {
            module.split(".")[1] for module in imports(path) if module.startswith("skmicro.")
        }
        for path in PACKAGE.glob("*.py")
        if path.stem in LEVELS[0]
    }
    while contracts:
        free = [name for name, needs in contracts.items() if not needs & set(contracts)]
        assert free, f"import cycle among {sorted(contracts)}"
        for name in free:
            del contracts[name]


def test_matplotlib_is_imported_only_for_plotting():
    users = {
        part_of(path)
        for path in FILES
        if any(module.split(".")[0] == "matplotlib" for module in imports(path))
    }
    assert users <= {"plotting"}


def test_private_helpers_of_scikit_learn_are_imported_in_one_file():
    users = {
        part_of(path)
        for path in FILES
        for node in uses(path, ast.ImportFrom)
        if (node.module or "").startswith("sklearn")
        and any(alias.name.startswith("_") for alias in node.names)
    }
    assert users == {"images"}


def test_optimizers_live_in_training():
    users = {
        part_of(path)
        for path in FILES
        if any(dotted(node).startswith("torch.optim") for node in uses(path, ast.Attribute))
        or any(module.startswith("torch.optim") for module in imports(path))
    }
    assert users == {"training"}


def test_backward_is_called_in_training():
    users = {
        part_of(path)
        for path in FILES
        for call in uses(path, ast.Call)
        if isinstance(call.func, ast.Attribute) and call.func.attr == "backward"
    }
    assert users == {"training"}


def test_no_global_random_state():
    draws = {f"torch.{name}" for name in TORCH_DRAWS}
    faults = [
        (path, call.lineno, dotted(call.func))
        for path in FILES
        for call in uses(path, ast.Call)
        if dotted(call.func) in GLOBAL_SEEDS
        or (
            dotted(call.func) in draws
            and "generator" not in {keyword.arg for keyword in call.keywords}
        )
    ]
    assert faults == []


def test_only_show_versions_prints():
    printing = {
        (part_of(path), function.name)
        for path in FILES
        for function in uses(path, (ast.FunctionDef, ast.Module))
        if isinstance(function, ast.FunctionDef)
        and any(
            isinstance(node, ast.Call) and dotted(node.func) == "print"
            for node in ast.walk(function)
        )
    }
    assert printing == {("utils", "show_versions")}
    top_level = [
        node
        for path in FILES
        for statement in tree_of(path).body
        if isinstance(statement, ast.Expr)
        for node in ast.walk(statement)
        if isinstance(node, ast.Call) and dotted(node.func) == "print"
    ]
    assert not top_level


def test_optional_packages_are_imported_where_they_are_used():
    faults = [
        (path, module)
        for path in FILES
        if part_of(path) != "plotting"
        for statement in tree_of(path).body
        for module in imports(path, statement)
        if module.split(".")[0] in OPTIONAL
    ]
    assert faults == []


def test_a_new_process_without_the_optional_packages(tmp_path):
    """It loads what was saved, names what plots lack, and looks for no package before."""
    path = tmp_path / "descriptor.skm"
    VolumeFraction().fit(np.eye(4, dtype=int)[None]).save(path)
    code = f"""
        import sys

        class Absent:
            asked = set()

            def find_spec(self, name, path=None, target=None):
                if name.split(".")[0] in {OPTIONAL}:
                    self.asked.add(name.split(".")[0])
                    raise ModuleNotFoundError(name, name=name)

        sys.meta_path.insert(0, Absent())
        import skmicro
        print(type(skmicro.load({str(path)!r})).__name__)

        import skmicro.plotting, skmicro.utils
        print(len(skmicro.utils.all_estimators()))
        print(sorted(Absent.asked & {{"matplotlib", "tifffile", "PIL", "h5py"}}))
        try:
            skmicro.plotting.HistoryDisplay({{"critic": [1.0]}}).plot()
        except ImportError as error:
            print(error)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    result = subprocess.run(command, capture_output=True, text=True)
    loaded, n_known, asked, message = result.stdout.splitlines() or [result.stderr] * 4
    assert loaded == "VolumeFraction"
    assert n_known == str(len(all_estimators()))
    assert asked == "[]"
    assert message.startswith("plotting needs matplotlib")
