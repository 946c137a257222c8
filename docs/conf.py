"""Sphinx configuration. Tables that can be made from the code are made from it here."""

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import version as _version
from pathlib import Path
from typing import Any

Row = tuple[Any, ...]

project = "Polarnight"
author = "The Polarnight developers"
copyright = "2026, The Polarnight developers"
release = _version("polarnight")

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
]
myst_enable_extensions = ["dollarmath", "deflist", "colon_fence"]
myst_heading_anchors = 3
numpydoc_show_class_members = False
autosummary_generate = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["manual.css"]
html_math_renderer = "mathml"
html_title = f"Polarnight {release}"
exclude_patterns = ["_build", "_made"]


def _rst_table(headings: Row, rows: Iterable[Row], widths: str = "auto") -> str:
    lines = [".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", ""]
    for row in (headings, *rows):
        for n, cell in enumerate(row):
            lines.append(f"   {'* -' if n == 0 else '  -'} {cell}".rstrip())
    return "\n".join([*lines, ""])


def _bits() -> str:
    from polarnight.frames import BIT_DEFINITIONS, UNUSABLE

    return _rst_table(
        ("bit", "name", "meaning", "unusable"),
        [
            (bit.value, f"``{bit.name}``", bit.long, "yes" if bit.value & UNUSABLE else "")
            for bit in BIT_DEFINITIONS
        ],
    )


def _setting_rows(model: Any, prefix: str = "") -> Iterator[Row]:
    from pydantic import BaseModel

    for name, info in model.model_fields.items():
        part = info.annotation
        if isinstance(part, type) and issubclass(part, BaseModel):
            continue
        yield f"``{prefix}{name}``", _default(name, info), info.description or ""


def _default(name: str, info: Any) -> str:
    if info.is_required():
        return ""
    if info.default_factory is not None:
        # The number of processes depends on the machine that builds these pages.
        if name == "workers":
            return "cores, at most 4"
        made = info.default_factory()
        if isinstance(made, dict) and made:
            return "``{" + ", ".join(f"{key}: {entry}" for key, entry in made.items()) + "}``"
        return "none"
    value = info.default
    if value is None:
        return "none"
    if name == "log_level":
        import logging

        return f"``{logging.getLevelName(value)}``"
    if isinstance(value, tuple):
        return "``[" + ", ".join(str(entry) for entry in value) + "]``"
    return f"``{str(value).lower() if isinstance(value, bool) else value}``"


def _settings() -> str:
    from pydantic import BaseModel

    from polarnight.config import ArchiveSettings, Settings

    headings, widths = ("key", "default", "meaning"), "30 22 48"
    parts = [_rst_table(headings, list(_setting_rows(Settings)), widths)]
    for name, info in Settings.model_fields.items():
        part = info.annotation
        if isinstance(part, type) and issubclass(part, BaseModel):
            title = (part.__doc__ or "").splitlines()[0].rstrip(".")
            rows = list(_setting_rows(part, f"{name}."))
            parts += [f".. rubric:: {name}: {title[0].lower()}{title[1:]}", ""]
            parts.append(_rst_table(headings, rows, widths))
    parts += [".. rubric:: archives: one for each telescope", ""]
    rows = list(_setting_rows(ArchiveSettings, "archives.TELESCOPE."))
    parts.append(_rst_table(headings, rows, widths))
    return "\n".join(parts)


def _result_columns() -> str:
    from polarnight.db.export import COLUMNS

    return _rst_table(
        ("column", "unit", "meaning"),
        [(f"``{name}``", unit, text) for name, _, unit, text, _ in COLUMNS],
    )


def _flags() -> str:
    from polarnight.db import AperPhotResult, MasterFlat, PhotoPolResult, RawFit

    kinds = {
        "raw and reduced frames": RawFit,
        "masters": MasterFlat,
        "apertures": AperPhotResult,
        "results": PhotoPolResult,
    }
    rows = [
        (what, ", ".join(f"``{flag.name}``" for flag in model.FLAGS))
        for what, model in kinds.items()
    ]
    return _rst_table(("on", "flags"), rows, "25 75")


def _models() -> str:
    from django.apps import apps

    parts = []
    for model in apps.get_app_config("polarnight").get_models():
        rows = []
        for field in (*model._meta.fields, *model._meta.many_to_many):
            target = field.related_model
            kind = f"to ``{target.__name__}``" if target else field.get_internal_type()
            rows.append((f"``{field.name}``", kind.removesuffix("Field"), str(field.help_text)))
        # Tables that Django makes for relations have nothing of their own to tell.
        if not model._meta.auto_created:
            parts += [f".. rubric:: {model.__name__}", "", _rst_table(("field", "type", ""), rows)]
    return "\n".join(parts)


_COMMANDS = (
    *("", "demo", "simulate", "ingest", "instruments", "instruments check"),
    *("stars import", "stars fetch", "stars list", "stars remove", "sources import"),
    *("sources list", "run", "status", "why", "results", "lightcurve", "growth", "field-stars"),
    *("quality", "standards", "calibrate-polarization", "recipe", "recipe list", "recipe show"),
    *("config", "doctor", "terminal"),
)


def _commands() -> str:
    environment = {**os.environ, "COLUMNS": "78", "NO_COLOR": "1", "TERM": "dumb"}
    parts = []
    for command in _COMMANDS:
        words = [sys.executable, "-c", "from polarnight.cli import main; main()"]
        told = subprocess.run(  # noqa: S603 - our own command
            [*words, *command.split(), "--help"],
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip("\n")
        told = re.sub(r"Usage: -c\b", "Usage: polarnight", told)
        title = f"polarnight {command}".strip()
        text = "\n".join(f"   {line}".rstrip() for line in told.splitlines())
        parts += [title, "-" * len(title), "", ".. code-block:: text", "", text, ""]
    return "\n".join(parts)


def _toml(name: str) -> str:
    from importlib.resources import files

    text = (files("polarnight.instruments") / "data" / name).read_text(encoding="utf-8")
    body = "\n".join(f"   {line}".rstrip() for line in text.splitlines())
    return f".. code-block:: toml\n\n{body}\n"


def _make(app: Any) -> None:
    """Write what is made from the code, so that it cannot go out of date."""
    place = Path(app.srcdir, "_made")
    place.mkdir(exist_ok=True)
    made = {
        "bits": _bits(),
        "settings": _settings(),
        "columns": _result_columns(),
        "flags": _flags(),
        "models": _models(),
        "commands": _commands(),
        "cafos": _toml("cafos.toml"),
    }
    for name, text in made.items():
        path = place / f"{name}.rst"
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


# What the converter of docutils does not read as TeX does.
_TEX = (
    ("°", r"^\\circ"),
    (r"\\([td]?frac)(\d)(\d)", r"\\\1{\2}{\3}"),
    (r"\\(cos|sin)(?![a-z^])", r"\\,\\\1\\,"),
    (r"\\(cos|sin)\^", r"\\,\\\1^"),
)


def _mathml(writer: Any, node: Any, *, block: bool) -> None:
    """Write a formula as MathML, which browsers draw by themselves: MathJax needs a network."""
    from docutils.nodes import SkipNode
    from docutils.utils.math.latex2mathml import tex2mathml

    tex = node.astext().strip()
    for written, meant in _TEX:
        tex = re.sub(written, meant, tex)
    formula = tex2mathml(tex, as_block=block)
    writer.body.append(f'<div class="math">{formula}</div>' if block else formula)
    raise SkipNode


def setup(app: Any) -> None:
    app.add_html_math_renderer(
        "mathml",
        (lambda writer, node: _mathml(writer, node, block=False), None),
        (lambda writer, node: _mathml(writer, node, block=True), None),
    )
    # Models can be imported only once Django is set up; no database is opened for that.
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "polarnight.db.settings")
    import django

    django.setup()
    app.connect("builder-inited", _make)
