"""Sphinx configuration; ``python -m sphinx -W -b html doc doc/_build/html`` needs no network."""

import skmicro

project = "skmicro"
author = "The skmicro developers"
copyright = "The skmicro developers"
version = release = skmicro.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
]
root_doc = "index"
exclude_patterns = ["_build"]
templates_path = ["_templates"]

autosummary_generate = True
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
# What the pages show is public and has complete docstrings: with -W a gap fails the build.
numpydoc_validation_checks = {
    "GL03", "GL05", "GL06", "GL07", "GL08", "GL09", "GL10",
    "SS01", "SS03", "SS04",
    "PR01", "PR02", "PR03", "PR04", "PR05", "PR06", "PR07", "PR10",
    "RT01", "RT03", "RT04", "RT05", "YD01", "SA02",
}  # fmt: skip
numpydoc_validation_exclude = {r"\._", r"\.forward$"}

html_theme = "alabaster"
html_theme_options = {
    "description": "Generative models for material microstructure images",
    "fixed_sidebar": True,
    "page_width": "1060px",
}
html_static_path = ["_static"]
html_show_sourcelink = False
