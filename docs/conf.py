"""Sphinx configuration."""

from importlib.metadata import version as _version

project = "Polarnight"
author = "The Polarnight developers"
copyright = "2026, The Polarnight developers"
release = _version("polarnight")

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
]
myst_enable_extensions = ["dollarmath", "deflist", "colon_fence"]
myst_heading_anchors = 3
numpydoc_show_class_members = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"
html_theme = "furo"
html_title = f"Polarnight {release}"
exclude_patterns = ["_build", "_bits.rst"]


def _write_bits(app):
    """Write the table of bits from the registry, so that it cannot go out of date."""
    from pathlib import Path

    from polarnight.frames import BIT_DEFINITIONS

    rows = ["..", "   Made by conf.py.", "", ".. list-table::", "   :header-rows: 1", ""]
    rows += ["   * - bit", "     - name", "     - meaning"]
    for bit in BIT_DEFINITIONS:
        rows += [f"   * - {bit.value}", f"     - {bit.name}", f"     - {bit.long}"]
    Path(app.srcdir, "_bits.rst").write_text("\n".join(rows) + "\n")


def setup(app):
    app.connect("builder-inited", _write_bits)
