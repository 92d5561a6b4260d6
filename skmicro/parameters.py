"""Constructor parameters, declared once: name, default, rule and text.

A class that derives from :class:`Parametrized` declares its parameters as fields::

    class Blur(Parametrized):
        width: float = parameter(1.0, real(0.0, open_low=True), "Width in voxels.")

From this follow the constructor, which takes keywords only and does nothing but assign; the
check of all values by :func:`check_parameters`; and the section "Parameters" of the docstring.
Subclasses inherit parameters. A field without :func:`parameter`, ``width: float = 2.0``, changes
the default and nothing else. Fitted attributes that a base class describes under "Attributes" are
added to those of a docstring in the same way.
"""

import dataclasses
import inspect
import re
import textwrap
from typing import Any, dataclass_transform

MODEL = "model"
"""Scope of what a fitted model is made of: it stays as it was until the next ``fit``."""
TRAINING = "training"
"""Scope of what may change between two trainings but not within one."""
RUNNING = "running"
"""Scope of what says how long and where a training runs: it may change at any time."""
SAMPLING = "sampling"
"""Scope of what says how a fitted model is used: it may change at any time."""

WIDTH = 88
SECTION = re.compile(r"^(?P<title>\w[\w ]*)\n-{3,}\n", re.MULTILINE)


def parameter(default, rule, text, scope=TRAINING) -> Any:
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
    """
    metadata = {"rule": rule, "text": " ".join(text.split()), "scope": scope}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass_transform(kw_only_default=True, field_specifiers=(parameter,))
class Parametrized:
    """Base class of what has parameters: see the module."""

    def __init_subclass__(cls, **keywords):
        super().__init_subclass__(**keywords)
        text = cls.__doc__
        _inherit_rules(cls)
        if not _is_written_by_hand(cls.__init__):
            dataclasses.dataclass(cls, kw_only=True, eq=False, repr=False, match_args=False)
            cls.__init__.__signature__ = _signature(cls)
        cls._own_attributes = _entries(_sections(text).get("Attributes", ""))
        cls.__doc__ = text and _completed(cls, text)


def check_parameters(instance, *scopes):
    """Raise unless every parameter keeps its rule; with scopes, every parameter of these."""
    for field in dataclasses.fields(instance):
        scope, rule = field.metadata.get("scope"), field.metadata.get("rule")
        if rule is not None and (not scopes or scope in scopes):
            rule(field.name, getattr(instance, field.name))


def parameters_of(instance, *scopes):
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
    chosen = [f for f in dataclasses.fields(instance) if f.metadata.get("scope") in scopes]
    return {field.name: getattr(instance, field.name) for field in chosen}


def _inherit_rules(cls):
    """Make fields of plain values, which are other defaults of inherited parameters."""
    inherited = {}
    for base in reversed(cls.__mro__[1:]):
        inherited |= vars(base).get("__dataclass_fields__", {})
    for name in inspect.get_annotations(cls):
        value = vars(cls).get(name)
        if name in inherited and not isinstance(value, dataclasses.Field):
            again = dataclasses.field(default=value, metadata=inherited[name].metadata)
            setattr(cls, name, again)


def _is_written_by_hand(constructor):
    return inspect.isfunction(constructor) and not hasattr(constructor, "__signature__")


def _signature(cls):
    """Return the signature of a constructor: the parameters of the class, then its bases'."""
    fields, order = {field.name: field for field in dataclasses.fields(cls)}, {}
    for base in cls.__mro__:
        order |= {name: fields[name] for name in inspect.get_annotations(base) if name in fields}
    keywords = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=field.default)
        for name, field in order.items()
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
    rule = cls.__dataclass_fields__[name].metadata.get("rule")
    return rule.kind if rule else "any"


def _text(cls, name):
    text = cls.__dataclass_fields__[name].metadata.get("text", "Without description.")
    margin = " " * 4
    return textwrap.fill(
        text,
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
