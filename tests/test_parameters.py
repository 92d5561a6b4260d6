"""Parameters declared once: constructor, check, docstring and scope follow from the field."""

import dataclasses
import inspect

import numpy as np
import pytest
from sklearn.base import clone

import skmicro
from skmicro import rules
from skmicro.generators import DAVEGAN, WGANGP, InvNetGenerator
from skmicro.losses import AdversarialLoss
from skmicro.networks import residual_critic, residual_generator
from skmicro.parameters import (
    MODEL,
    RUNNING,
    SAMPLING,
    Parametrized,
    check_parameters,
    parameter,
    parameters_of,
)
from skmicro.persistence import NotASavedFileError
from skmicro.properties import Permeability, ThreePointParameters
from skmicro.utils import all_estimators


class Base(Parametrized):
    """Summary of the base.

    Attributes
    ----------
    size_ : int
        What fit saw.
    shared_ : int
        As the base says.
    """

    n_iter: int = parameter(10, rules.integer(1), "Iterations of   training.", RUNNING)
    width: int = parameter(4, rules.integer(2), "Channels.", MODEL)


class Mixin(Parametrized):
    """Adds one parameter."""

    scale: float = parameter(1.0, rules.real(0.0, 2.0), "Factor of the samples.", SAMPLING)


class Derived(Mixin, Base):
    """Summary of the derived class.

    More about it.

    Attributes
    ----------
    shared_ : float
        As the derived class says.

    Notes
    -----
    The end.
    """

    n_iter: int = 7
    mode: str = parameter("fast", rules.choice("fast", "slow"), "How it is done.")


def test_constructor_takes_keywords_of_the_class_and_its_bases():
    signature = inspect.signature(Derived)
    assert list(signature.parameters) == ["n_iter", "mode", "scale", "width"]
    kinds = {p.kind for p in signature.parameters.values()}
    assert kinds == {inspect.Parameter.KEYWORD_ONLY}
    assert [p.default for p in signature.parameters.values()] == [7, "fast", 1.0, 4]
    made = Derived(width=3)
    assert vars(made) == {"n_iter": 7, "mode": "fast", "scale": 1.0, "width": 3}
    assert vars(Base()) == {"n_iter": 10, "width": 4}
    with pytest.raises(TypeError, match="positional"):
        Derived(5)
    with pytest.raises(TypeError, match="unexpected keyword argument 'depth'"):
        Derived(depth=5)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"n_iter": 0}, "n_iter must be >= 1, got 0"),
        ({"width": 1}, "width must be >= 2, got 1"),
        ({"scale": 3.0}, r"scale must lie in \[0, 2\], got 3.0"),
        ({"mode": "idle"}, r"mode must be one of \['fast', 'slow'\], got 'idle'"),
    ],
)
def test_rules_are_inherited_with_other_defaults(values, message):
    check_parameters(Derived())
    with pytest.raises(ValueError, match=message):
        check_parameters(Derived(**values))


def test_only_the_scopes_asked_for_are_checked():
    broken = Derived(n_iter=0)
    check_parameters(broken, MODEL, SAMPLING)
    with pytest.raises(ValueError, match="n_iter"):
        check_parameters(broken, RUNNING)
    assert parameters_of(broken, MODEL, SAMPLING) == {"width": 4, "scale": 1.0}
    assert parameters_of(Derived, RUNNING) == {"n_iter": 7}


def test_docstring_has_the_parameters_and_the_attributes_of_the_bases():
    assert Derived.__doc__.splitlines() == [
        "Summary of the derived class.",
        "",
        "More about it.",
        "",
        "Parameters",
        "----------",
        "n_iter : int, default=7",
        "    Iterations of training.",
        'mode : {"fast", "slow"}, default="fast"',
        "    How it is done.",
        "scale : float, default=1.0",
        "    Factor of the samples.",
        "width : int, default=4",
        "    Channels.",
        "",
        "Attributes",
        "----------",
        "shared_ : float",
        "    As the derived class says.",
        "size_ : int",
        "    What fit saw.",
        "",
        "Notes",
        "-----",
        "The end.",
    ]


def test_a_constructor_written_by_hand_is_left_alone():
    class Written(Base):
        """Its own.

        Parameters
        ----------
        depth : int, default=1
            Its own parameter.
        """

        def __init__(self, depth=1):
            self.depth = depth

    class Child(Written):
        """A child."""

    for cls in (Written, Child):
        assert list(inspect.signature(cls).parameters) == ["depth"]
        assert vars(cls(2)) == {"depth": 2}
    assert Written.__doc__.count("Parameters") == 1


def test_the_nearest_class_of_the_method_resolution_order_has_the_say():
    class Left(Base):
        """Another parameter."""

        mode: str = parameter("fast", rules.choice("fast", "slow"), "How it is done.")

    class Right(Base):
        """Another default, without annotation."""

        width = 6

    class Both(Left, Right):
        """Of both."""

    assert vars(Both()) == {"n_iter": 10, "width": 6, "mode": "fast"}
    assert Both.width == inspect.signature(Both).parameters["width"].default == 6


def plain_mixin():
    class Plain:
        depth: int = parameter(1, rules.integer(1), "Depth.")

    return type("Mixed", (Plain, Base), {})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: type("A", (Base,), {"__annotations__": {"width": int}}), "A.width must be declar"),
        (lambda: type("A", (Base,), {"depth": 3, "__annotations__": {"depth": int}}), "declared"),
        (lambda: type("A", (Base,), {"width": lambda self: 3}), "A.width must not hide"),
        (
            lambda: type("A", (Base,), {"depth": parameter(1, rules.integer(), "D.")}),
            "A.depth must",
        ),
        (plain_mixin, "Plain.depth must be annotated, in a class that derives from Parametrized"),
        (lambda: parameter([1], rules.anything("list"), "Xs."), r"not be mutable, got \[1\]"),
        (
            lambda: parameter(1, int, "Depth."),
            "rule must be one of skmicro.rules, got <cl",
        ),
        (lambda: parameter(1, rules.integer(), "Depth.", "models"), "scope must be one of"),
    ],
)
def test_a_class_that_breaks_a_rule_is_refused_where_it_is_made(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make()


@pytest.mark.parametrize("cls", [cls for _, cls in all_estimators()])
def test_every_parameter_of_the_library_is_described_and_has_a_rule(cls):
    fields = dataclasses.fields(cls)
    assert sorted(field.name for field in fields) == cls._get_param_names()
    for field in fields:
        entry = f"\n{field.name} : {field.metadata['rule'].kind}, default="
        assert entry in cls.__doc__
        assert len(field.metadata["text"]) > 10
    check_parameters(cls())


SMALL = {"n_iter": 2, "batch_size": 4, "n_latent": 2, "width": 4, "device": "cpu"}
IMAGES = np.random.default_rng(0).integers(0, 2, (6, 8, 8))


def thin_generator(*inputs, **settings):
    return residual_generator(*inputs, **settings | {"width": 2})


def squares(*scores):
    return sum(score.square().mean() for score in scores)


def test_networks_of_ones_own_take_the_place_of_an_architecture(tmp_path):
    own = WGANGP(architecture=(thin_generator, residual_critic), random_state=0, **SMALL)
    named = WGANGP(random_state=0, **SMALL | {"width": 2}).fit(IMAGES)
    weights = clone(own).fit(IMAGES).generator_.state_dict()
    shapes = {name: value.shape for name, value in named.generator_.state_dict().items()}
    assert {name: value.shape for name, value in weights.items()} == shapes
    with pytest.raises(TypeError, match="Cannot save architecture, which holds functions"):
        own.fit(IMAGES).save(tmp_path / "own.skm")
    assert list(tmp_path.iterdir()) == []
    for architecture in ((thin_generator,), (thin_generator, 3), "tall"):
        with pytest.raises(ValueError, match=r"architecture must be one of .*'residual'"):
            WGANGP(architecture=architecture, **SMALL).fit(IMAGES)


def test_a_critics_loss_of_ones_own():
    settings = SMALL | {"random_state": 0, "critic_width": 4}
    own = DAVEGAN(critic_loss=AdversarialLoss(squares, squares), **settings).fit(IMAGES)
    given = DAVEGAN(critic_loss="wasserstein-gp", **settings).fit(IMAGES)
    assert own.critic_.state_dict().keys() == given.critic_.state_dict().keys()
    assert (own.history_["critic"] >= 0).all()
    assert not np.array_equal(own.history_["critic"], given.history_["critic"])
    with pytest.raises(ValueError, match=r"critic_loss must be one of .*got 3"):
        DAVEGAN(critic_loss=3, **settings).fit(IMAGES)


def test_files_with_former_names_of_parameters(tmp_path):
    generator = InvNetGenerator(moments=("p2",), n_level_steps=3, random_state=0, **SMALL)
    state = generator.fit(IMAGES)._persistent_state()
    former = {"moments": "matching", "moment_weight": "matching_weight"} | {
        "n_level_steps": "n_calibration"
    }
    old = {former.get(name, name): value for name, value in state.items()}
    old["_made_with"] = {former.get(k, k): v for k, v in old["_made_with"].items()}
    loaded = InvNetGenerator._from_persistent_state(old)
    assert loaded.get_params() == generator.get_params()
    np.testing.assert_array_equal(
        loaded.sample(3, random_state=1), generator.sample(3, random_state=1)
    )
    loaded.save(tmp_path / "new.skm")
    assert skmicro.load(tmp_path / "new.skm").partial_fit(IMAGES).n_iter_ == 4


def test_files_with_the_former_name_of_the_spacing():
    estimator = Permeability(spacing=2.5, periodic=True).fit(IMAGES)
    state = estimator._persistent_state()
    state["voxel_size"] = state.pop("spacing")
    assert Permeability._from_persistent_state(state).spacing == 2.5
    state.pop("voxel_size")
    assert Permeability._from_persistent_state(state).spacing == 1.0


def test_files_with_a_removed_parameter_load_if_it_had_its_default():
    estimator = ThreePointParameters().fit(IMAGES)
    state = estimator._persistent_state() | {"n_radii": None, "n_angles": None}
    loaded = ThreePointParameters._from_persistent_state(state)
    assert vars(loaded).keys() == vars(estimator).keys()
    with pytest.raises(NotASavedFileError, match="with n_angles=12, a parameter that skmicro 0"):
        ThreePointParameters._from_persistent_state(state | {"n_angles": 12})
