"""Sphinx configuration; ``python -m sphinx -W -b html doc doc/_build/html`` needs no network."""

import re

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
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
root_doc = "index"
exclude_patterns = ["_build"]
templates_path = ["_templates"]

autosummary_generate = True
autodoc_member_order = "bysource"
# The sections of docstrings say more than annotations.
autodoc_typehints = "none"
toc_object_entries_show_parents = "hide"
numpydoc_show_class_members = False
# What the pages show is public and has complete docstrings: with -W a gap fails the build.
numpydoc_validation_checks = {
    "GL03", "GL05", "GL06", "GL07", "GL08", "GL09", "GL10",
    "SS01", "SS03", "SS04",
    "PR01", "PR02", "PR03", "PR04", "PR05", "PR06", "PR07", "PR10",
    "RT01", "RT03", "RT04", "RT05", "YD01", "SA02",
}  # fmt: skip
# A docstring of one sentence says all; as soon as it has sections, they are complete.
numpydoc_validation_overrides = {"PR01": [r"\A[^\n]*\Z"], "RT01": [r"\A[^\n]*\Z"]}
# Named tuples and frozen dataclasses describe their fields as attributes.
numpydoc_validation_exclude = {
    r"\._",
    r"\.forward$",
    r"\.FieldCorrelation$",  # its constructor is that of ConditionTable
    r"\.(AdversarialLoss|Batch|Calibration|Designs|Metric|Move|RepresentativeVolume|Rule|Target|Update|\w*Model)$",
}

# Examples train for minutes: all but the quick ones are shown with their committed picture.
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": "plot_stress_field",
    "within_subsection_order": "ExampleTitleSortKey",
    "download_all_examples": False,
    "show_signature": False,
    "write_computation_times": False,
}

html_theme = "pydata_sphinx_theme"
html_title = f"skmicro {release}"
html_theme_options = {
    "logo": {"text": "skmicro"},
    "navbar_align": "left",
    "header_links_before_dropdown": 4,
    "show_toc_level": 2,
    "navigation_depth": 2,
    "collapse_navigation": True,
    "secondary_sidebar_items": ["page-toc"],
    "article_header_start": ["breadcrumbs"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
# A sidebar of all public names would take half of the time of the build.
html_sidebars = {"index": [], "glossary": [], "api/generated/*": []}
html_css_files = ["skmicro.css"]
html_static_path = ["_static"]
html_show_sourcelink = False


def escape(app, what, name, obj, options, lines):
    """Keep the star of a shape, (n, *spatial), and an author's initial from having a meaning."""
    for k, line in enumerate(lines):
        line = re.sub(r", \*(?=\w+[),])", r", \\*", line)
        lines[k] = re.sub(r"^(\s*\.\. \[[^\]]+\] )(?=[A-Z]\. )", r"\1\\", line)


def skip_tuple_fields(app, what, name, obj, skip, options):
    """Leave out the fields of named tuples, which their class describes."""
    return True if type(obj).__name__ == "_tuplegetter" else None


def setup(app):
    """Connect the functions above."""
    app.connect("autodoc-process-docstring", escape)
    app.connect("autodoc-skip-member", skip_tuple_fields)
