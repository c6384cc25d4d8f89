"""The HTML report: one self-contained file."""

from __future__ import annotations

import base64
import math
import numbers
import re
from datetime import datetime, timezone
from pathlib import Path

import jinja2

from ..errors import shown

_TITLE, _CELL, _LONG = 160, 300, 5000  # letters
_NOTHING = 1e-6  # below it all is rounding
_TEMPLATE = Path(__file__).with_name("report.html.j2")


class Report:
    """Collects the parts of a report, in order, and writes them.

    Parameters
    ----------
    title : str
    """

    def __init__(self, title: str):
        self._title = shown(title, _TITLE)
        self._headline = ""
        self._parts: list = []

    def headline(self, text: str) -> None:
        """The first sentence, for those who read no further."""
        self._headline = shown(text, _LONG)

    def text(self, paragraph: str) -> None:
        """A paragraph."""
        self._parts.append({"text": shown(paragraph, _LONG)})

    def table(self, title: str, columns: list, rows: list, note: str = "", bold: str = "") -> None:
        """A table.

        Parameters
        ----------
        title : str
        columns : list of str
            With units.
        rows : list of sequences
            A cell is a text or a number, or a number as text, as "1.20"; None is shown as a dash.
        note : str
            How to read it.
        bold : str
            Rows with this text in a cell stand out.
        """
        self._parts.append(
            {
                "title": shown(title, _TITLE),
                "columns": [shown(column, _TITLE) for column in columns],
                "rows": [[_cell(value) for value in row] for row in rows],
                "note": shown(note, _LONG),
                "bold": bold,
            }
        )

    def figure(self, title: str, png: bytes, caption: str) -> None:
        """A picture."""
        encoded = base64.b64encode(png).decode()
        self._parts.append(
            {"title": shown(title, _TITLE), "png": encoded, "caption": shown(caption, _LONG)}
        )

    def settings(self, values: dict) -> None:
        """All that is needed to run this again."""
        self.table("Settings", [], [[name, _setting(value)] for name, value in values.items()])

    def write(self, path: Path) -> None:
        """Write the report."""
        environment = jinja2.Environment(
            autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
        html = template.render(
            title=self._title,
            headline=self._headline,
            parts=self._parts,
            written=datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        )
        path.write_text(html, encoding="utf-8")


def rounded(value: float, sign: str = "") -> str:
    """Two decimals, or three digits of what is below 0.1, such as a velocity in metres."""
    size = abs(value)
    decimals = 2 - math.floor(math.log10(size)) if _NOTHING <= size < 0.1 else 2
    return f"{value:{sign}.{decimals}f}"


def _setting(value) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_setting, value))
    if isinstance(value, dict):
        return " ".join(f"{name} {_setting(each)}" for name, each in value.items())
    return str(value)


def _cell(value) -> tuple[str, bool]:
    """The text of a cell, and whether it is a number."""
    if value is None:
        return "–", True
    if isinstance(value, numbers.Integral):
        return f"{value:,}", True
    if isinstance(value, numbers.Real):
        return f"{value:.4g}", True
    text = shown(str(value), _CELL)
    return text, re.fullmatch(r"[-+]?[\d,]*\.?\d+ ?%?", text) is not None
