"""What is known of a cube, and how it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from PyOphidia.calls import Calls, Told

__all__ = ["Showing"]

_INFO: Mapping[str, str] = {
    "CREATION DATE": "creation_date",
    "MEASURE": "measure",
    "MEASURE TYPE": "measure_type",
    "LEVEL": "level",
    "NUMBER OF FRAGMENTS": "nfragments",
    "SOURCE FILE": "source_file",
    "HOST x CUBE": "hostxcube",
    "FRAGMENTS x DATABASE": "fragxdb",
    "ROWS x FRAGMENT": "rowsxfrag",
    "ELEMENTS x ROW": "elementsxrow",
    "COMPRESSED": "compressed",
    "NUMBER OF ELEMENTS": "nelements",
}
_DIMENSION: Mapping[str, str] = {
    "Dimension": "name",
    "Data type": "type",
    "Size": "size",
    "Hierarchy": "hierarchy",
    "Concept level": "concept_level",
    "Array": "array",
    "Level": "level",
    "Lattice name": "lattice_name",
}


class Showing(Calls):
    """What `info` finds, and what a cube looks like."""

    creation_date: str | None = None
    measure: str | None = None
    measure_type: str | None = None
    level: str | None = None
    nfragments: str | None = None
    source_file: str | None = None
    hostxcube: str | None = None
    fragxdb: str | None = None
    rowsxfrag: str | None = None
    elementsxrow: str | None = None
    compressed: str | None = None
    size: str | None = None
    nelements: str | None = None
    dim_info: list[dict[str, str]] | None = None

    def info(self, display: bool = True) -> Told:
        """Fill the attributes, and show them.

        Parameters
        ----------
        display : bool
            Whether to print; without, the answer is returned.
        """
        schema = self._look()
        client = self._connected()
        if display:
            client.pretty_print()
            return None
        return schema

    def _look(self) -> dict[str, Any]:
        """Ask for size and schema, and keep what they tell."""
        client = self._connected()
        pid = {"cube": str(self.pid)}
        client.command("oph_cubesize", pid)
        client.command("oph_cubeschema", pid)
        schema = client.deserialize_response()
        for item in schema["response"]:
            content = item["objcontent"][0]
            if item["objclass"] != "grid" or not content["rowvalues"]:
                continue
            if "HIERARCHY" in content["rowkeys"]:
                keys = [str(key).lower().replace(" ", "_") for key in content["rowkeys"]]
                self.dim_info = [dict(zip(keys, row, strict=True)) for row in content["rowvalues"]]
                continue
            found = dict(zip(content["rowkeys"], content["rowvalues"][0], strict=True))
            for column, name in _INFO.items():
                if column in found:
                    setattr(self, name, found[column])
            if found.get("CUBE SIZE"):
                self.size = f"{found['CUBE SIZE']} {found.get('UNIT', '')}".strip()
        return schema

    def _known(self) -> bool:
        """Tell whether there is something to show, asking where nobody has yet."""
        if self.dim_info is None and self.pid is not None and self.client is not None:
            with self.client.aside():
                try:
                    self._look()
                except RuntimeError:
                    return False
        return self.dim_info is not None

    def _rows(self) -> list[tuple[str, str]]:
        packed = "compressed" if self._told_of("compressed") == "yes" else "not compressed"
        hosts, frags = self._number("hostxcube"), self._number("fragxdb")
        rows, elements = self._number("rowsxfrag"), self._number("elementsxrow")
        of = self._told_of
        return [
            ("Creation Date", of("creation_date")),
            ("Measure (type)", f"{of('measure')} ({of('measure_type')})"),
            ("Source file", of("source_file")),
            ("Level", of("level")),
            ("Size", f"{of('size')} ({packed})"),
            ("Num. of elements", of("nelements")),
            ("Num. of fragments", of("nfragments")),
            ("Num. of hosts", str(hosts)),
            ("Num. of fragments/DB (total)", f"{frags} ({frags * hosts})"),
            ("Num. of rows/fragment (total)", f"{rows} ({rows * frags * hosts})"),
            ("Num. of elements/row (total)", f"{elements} ({elements * rows * frags * hosts})"),
        ]

    def _told_of(self, name: str) -> str:
        value = getattr(self, name)
        return "" if value is None else str(value)

    def _number(self, name: str) -> int:
        text = self._told_of(name)
        return int(text) if text.isdecimal() else 0

    def __repr__(self) -> str:
        if self.pid is None:
            return "<PyOphidia cube without PID>"
        return f"<PyOphidia cube {self.pid}>"

    def __str__(self) -> str:
        if not self._known():
            return repr(self)
        lines = ["-" * 30, f"{'Cube':>30}: {self.pid}", "-" * 30]
        lines += [f"{name:>30}: {value}" for name, value in self._rows()]
        lines += ["-" * 127, " ".join(f"{name:>15}" for name in _DIMENSION), "-" * 127]
        for dim in self.dim_info or []:
            lines.append(" ".join(f"{dim.get(key, ''):>15}" for key in _DIMENSION.values()))
        return "\n".join([*lines, "-" * 127])

    def _repr_html_(self) -> str:
        if not self._known():
            return f"<code>{escape(repr(self))}</code>"
        rows = "".join(
            f"<tr><th style='text-align:left'>{escape(name)}</th><td>{escape(value)}</td></tr>"
            for name, value in self._rows()
        )
        head = "".join(f"<th>{escape(name)}</th>" for name in _DIMENSION)
        dims = "".join(
            "<tr>"
            + "".join(f"<td>{escape(dim.get(key, ''))}</td>" for key in _DIMENSION.values())
            + "</tr>"
            for dim in self.dim_info or []
        )
        return (
            f"<b>Cube</b> <code>{escape(str(self.pid))}</code>"
            f"<table>{rows}</table><table><tr>{head}</tr>{dims}</table>"
        )
