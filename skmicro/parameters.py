"""Constructor parameters, declared once: name, default, rule and text.

A class that derives from :class:`Parametrized` declares its parameters as fields::

    class Blur(Parametrized):
        width: float = parameter(1.0, real(0.0, open_low=True), "Width in voxels.")

From this follow the constructor, which takes keywords only and does nothing but assign; the
check of all values by :func:`check_parameters`; and the section "Parameters" of the docstring.
Subclasses inherit parameters. A value without :func:`parameter`, ``width: float = 2.0``, changes
the default and nothing else. Fitted attributes that a base class describes under "Attributes" are
added to those of a docstring in the same way.
"""

import dataclasses
import inspect
import re
import textwrap
from typing import Any, Literal, dataclass_transform

from .rules import Rule

MODEL = "model"
"""Scope of what a fitted model is made of: it stays as it was until the next ``fit``."""
TRAINING = "training"
"""Scope of what may change between two trainings but not within one."""
RUNNING = "running"
"""Scope of what says how long and where a training runs: it may change at any time."""
SAMPLING = "sampling"
"""Scope of what says how a fitted model is used: it may change at any time."""
SCOPES = (MODEL, TRAINING, RUNNING, SAMPLING)

WIDTH = 88
SECTION = re.compile(r"^(?P<title>\w[\w ]*)\n-{3,}\n", re.MULTILINE)


def parameter(
    default,
    rule: Rule,
    text: str,
    scope: Literal["model", "training", "running", "sampling"] = TRAINING,
) -> Any:
    """Declare a constructor parameter.

    Parameters
    ----------
    default : any
        Its default, not mutable.
    rule : Rule
        What values are allowed, see :mod:`skmicro.rules`.
    text : str
        What it is, for the docstring.
    scope : {"model", "training", "running", "sampling"}, default="training"
        When it may change, see :data:`MODEL` and the others.

    Returns
    -------
    field : dataclasses.Field
        To be assigned to an annotated name in the body of a class.

    Raises
    ------
    TypeError
        If the default is mutable or the rule is none.
    ValueError
        If there is no such scope.
    """
    if isinstance(default, (list, dict, set)):
        raise TypeError(f"default must not be mutable, got {default!r}; use a tuple or None.")
    if not isinstance(rule, Rule):
        raise TypeError(f"rule must be one of skmicro.rules, got {rule!r}.")
    if scope not in SCOPES:
        raise ValueError(f"scope must be one of {SCOPES}, got {scope!r}.")
    metadata = {"rule": rule, "text": " ".join(text.split()), "scope": scope}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass_transform(kw_only_default=True, field_specifiers=(parameter,))
class Parametrized:
    """Base class of what has parameters: see the module."""

    def __init_subclass__(cls, **keywords):
        super().__init_subclass__(**keywords)
        text = cls.__doc__
        _declare_fields(cls)
        by_hand = _is_written_by_hand(cls.__init__)
        settings = {"eq": False, "repr": False, "match_args": False}
        dataclasses.dataclass(cls, init=not by_hand, kw_only=True, **settings)
        if not by_hand:
            cls.__init__.__signature__ = _signature(cls)
        cls._own_attributes = _entries(_sections(text).get("Attributes", ""))
        cls.__doc__ = text and _completed(cls, text)


def check_parameters(instance, *scopes):
    """Raise unless every parameter keeps its rule; with scopes, every parameter of these."""
    for field in dataclasses.fields(instance):
        if not scopes or field.metadata["scope"] in scopes:
            field.metadata["rule"](field.name, getattr(instance, field.name))


def parameters_of(
    instance: "Parametrized", *scopes: Literal["model", "training", "running", "sampling"]
) -> dict:
    """Return the parameters of some scopes and their values.

    Parameters
    ----------
    instance : Parametrized
        An object or its class; of a class the values are the defaults.
    *scopes : {"model", "training", "running", "sampling"}
        The scopes.

    Returns
    -------
    values : dict
        Values by name.
    """
    chosen = [f for f in dataclasses.fields(instance) if f.metadata["scope"] in scopes]
    return {field.name: getattr(instance, field.name) for field in chosen}


def _declare_fields(cls):
    """Declare all parameters in the class itself, those of the bases in their order (MRO)."""
    fields = {}
    for base in reversed(cls.__mro__[1:]):
        fields |= vars(base).get("_own_parameters", {})
    cls._own_parameters = own = _own_fields(cls, fields)
    annotations = inspect.get_annotations(cls)
    for name, field in (fields | own).items():
        annotations.setdefault(name, Any)
        setattr(cls, name, dataclasses.field(default=field.default, metadata=field.metadata))
    cls.__annotations__ = annotations


def _own_fields(cls, inherited):
    """Return the fields that the body of a class declares, or gives another default."""
    annotated = inspect.get_annotations(cls)
    for base in cls.__mro__:
        loose = [k for k, v in vars(base).items() if isinstance(v, dataclasses.Field)]
        if loose and not (issubclass(base, Parametrized) and set(loose) <= set(annotated)):
            raise TypeError(
                f"{base.__name__}.{loose[0]} must be annotated, in a class that derives from "
                "Parametrized, to be a parameter."
            )
    own = {}
    for name, value in vars(cls).items():
        declared, known = isinstance(value, dataclasses.Field), name in inherited
        if known and not declared:
            if inspect.isroutine(value) or isinstance(value, property):
                raise TypeError(f"{cls.__name__}.{name} must not hide the parameter {name}.")
            own[name] = dataclasses.field(default=value, metadata=inherited[name].metadata)
        elif declared:
            if not known and any(hasattr(base, name) for base in cls.__mro__[1:]):
                raise TypeError(f"{cls.__name__}.{name} must not hide what a base class has.")
            own[name] = value
    for name, kind in annotated.items():
        if name not in own and "ClassVar" not in str(kind):
            raise TypeError(
                f"{cls.__name__}.{name} must be declared by parameter(...), give an inherited "
                "parameter another default, or be a ClassVar."
            )
    return own


def _is_written_by_hand(constructor):
    return inspect.isfunction(constructor) and not hasattr(constructor, "__signature__")


def _signature(cls):
    """Return the signature of a constructor: the parameters of the class, then its bases'."""
    names = {name: None for base in cls.__mro__ for name in vars(base).get("_own_parameters", ())}
    keywords = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=getattr(cls, name))
        for name in names
    ]
    this = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return inspect.Signature([this, *keywords])


def _completed(cls, text):
    """Return a docstring with its parameters, and with the attributes of the bases."""
    summary, sections = SECTION.split(inspect.cleandoc(text), maxsplit=1)[0], _sections(text)
    if "Parameters" not in sections and not _is_written_by_hand(cls.__init__):
        sections = {"Parameters": _parameter_entries(cls)} | sections
    attributes = {}
    for base in cls.__mro__:
        own = vars(base).get("_own_attributes", {})
        attributes |= {name: entry for name, entry in own.items() if name not in attributes}
    if attributes:
        places = list(sections)
        sections["Attributes"] = "\n".join(attributes.values())
        if "Attributes" not in places:
            places.insert("Parameters" in sections, "Attributes")
        sections = {title: sections[title] for title in places}
    parts = [f"{title}\n{'-' * len(title)}\n{body}" for title, body in sections.items() if body]
    return "\n\n".join([summary.strip(), *parts]) + "\n"


def _parameter_entries(cls):
    parameters = inspect.signature(cls).parameters.values()
    return "\n".join(
        f"{p.name} : {_kind(cls, p.name)}, default={_literal(p.default)}\n{_text(cls, p.name)}"
        for p in parameters
    )


def _kind(cls, name):
    return cls.__dataclass_fields__[name].metadata["rule"].kind


def _text(cls, name):
    margin = " " * 4
    return textwrap.fill(
        cls.__dataclass_fields__[name].metadata["text"],
        WIDTH,
        initial_indent=margin,
        subsequent_indent=margin,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _literal(value):
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple):
        items = ", ".join(map(_literal, value))
        return f"({items},)" if len(value) == 1 else f"({items})"
    return repr(value)


def _sections(text):
    """Return the sections of a docstring by title."""
    _, *parts = SECTION.split(inspect.cleandoc(text or ""))
    return {title: body.strip("\n") for title, body in zip(parts[::2], parts[1::2], strict=True)}


def _entries(body):
    """Return the entries of a section, header and description, by what stands before the colon."""
    entries = {}
    for line in body.splitlines():
        if line[:1].strip():
            name = line.partition(" : ")[0]
            entries[name] = line
        elif entries:
            entries[name] += f"\n{line}"
    return entries
