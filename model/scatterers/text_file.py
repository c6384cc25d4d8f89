"""A text file as bytes and lines, packed or not, in any usual encoding."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO

from ..errors import InputError
from ..files.foreign import is_layer
from .damage import FAILURES, explained

SUFFIXES = (".csv", ".txt", ".tsv", ".dat")
_LONGEST = 1 << 20  # characters of the line with the columns' names
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class TextFile:
    """A text file, or a packed one.

    Parameters
    ----------
    path : Path
    member : str
        Which file of a .zip.
    """

    path: Path
    member: str = ""

    @property
    def name(self) -> str:
        """For messages."""
        return f"{self.member} in {self.path.name}" if self.member else self.path.name

    @contextmanager
    def open(self) -> Iterator[tuple[IO[bytes] | gzip.GzipFile, IO[bytes]]]:
        """The text's bytes, and the file whose position shows how much is read."""
        with open(self.path, "rb") as raw:
            if self.member:
                with zipfile.ZipFile(raw) as archive, archive.open(self.member) as file:
                    yield file, raw
            elif self.path.suffix.lower() == ".gz":
                with gzip.GzipFile(fileobj=raw) as file:
                    yield file, raw
            else:
                yield raw, raw

    def encoding(self) -> str:
        """UTF-8, UTF-16 or UTF-32, else Latin-1.

        Raises
        ------
        InputError
            If it is no text.
        """
        with self.open() as (file, _):
            head = file.read(1 << 20)
        marked = next((name for mark, name in _MARKS if head.startswith(mark)), None)
        if marked:
            return marked
        if b"\0" in head:
            # Latin letters in UTF-16 without a mark: every second byte is none.
            for at, name in ((1, "utf-16-le"), (0, "utf-16-be")):
                if not any(head[at:200:2]) and all(head[1 - at : 200 : 2]):
                    return name
            raise InputError(
                f"{self.name} holds no text, whatever its name says. Give a text table, a "
                "Shapefile, a GeoPackage or HDF5, each with its own suffix."
            )
        try:
            # Not bytes.decode, which would mind a character that is cut at the end.
            codecs.getincrementaldecoder("utf-8")().decode(head)
        except UnicodeDecodeError:
            return "latin-1"
        return "utf-8-sig"

    def rows(self, count: int, encoding: str) -> tuple[str, list[list[str]]]:
        """The delimiter, and the cells of the first lines.

        Raises
        ------
        InputError
            If a line is longer than any of a table of points.
        """
        lines: list[str] = []
        with self.open() as (file, _), _decoded(file, encoding) as text:
            while len(lines) < count and (line := text.readline(_LONGEST)):
                lines.append(line)
                if len(line) == _LONGEST:
                    raise InputError(
                        f"Line {len(lines)} of {self.name} is longer than a million characters, as "
                        "no line of a table of points is. Give a table with a line for each point."
                    )
        delimiter = max("\t;,|", key="".join(lines[:1]).count)
        return delimiter, [self._cells(line, delimiter) for line in lines]

    def line_of(self, column: int, cell: str, delimiter: str, encoding: str) -> int | str:
        """The first line after the header that has a cell in a column; "?" if none has."""
        try:
            with self.open() as (file, _), _decoded(file, encoding) as text:
                for line, row in enumerate(iter(lambda: text.readline(_LONGEST), ""), 1):
                    cells = self._cells(row, delimiter)
                    if line > 1 and column < len(cells) and cells[column].strip() == cell.strip():
                        return line
        except FAILURES:
            pass
        return "?"

    def _cells(self, line: str, delimiter: str) -> list[str]:
        try:
            return next(csv.reader([line], delimiter=delimiter), [])
        except csv.Error:
            raise InputError(
                f"{self.name} holds a cell of more than {csv.field_size_limit():,} characters, as "
                "no table of points does. Remove that column, or correct a quote that does not end."
            ) from None


def open_text(path: Path) -> TextFile | None:
    """The text table that a file is or holds, None if it is of another kind.

    Raises
    ------
    InputError
        If it is packed, and what it holds cannot be chosen.
    """
    packed = path.suffix.lower()
    if packed == ".gz":
        if Path(path.stem).suffix.lower() in SUFFIXES:
            return TextFile(path)
        raise InputError(f"{path.name} is packed. Unpack it, and give the file that it holds.")
    if packed == ".zip":
        problem = InputError(f"{path.name} is no whole .zip. Fetch it again.")
        with explained(lambda _: problem), zipfile.ZipFile(path) as archive:
            names = archive.namelist()
        tables = [name for name in names if Path(name).suffix.lower() in SUFFIXES]
        # EGMS packs each table with a description of it.
        tables = [name for name in tables if not re.match("(read_?me|licen[cs]e)", _stem(name))]
        if len(tables) == 1:
            return TextFile(path, tables[0])
        if not tables and any(map(is_layer, names)):
            return None
        held = ", ".join(islice(names, 10)) or "nothing"
        raise InputError(
            f"{path.name} holds {held}; of a .zip one text table is read, or a Shapefile or "
            "GeoPackage. Unpack it, and give the file that you want."
        )
    return TextFile(path) if packed in SUFFIXES else None


def _stem(name: str) -> str:
    return Path(name).stem.lower()


@contextmanager
def _decoded(file, encoding: str) -> Iterator[io.TextIOWrapper]:
    text = io.TextIOWrapper(file, encoding=encoding, errors="replace", newline="")
    try:
        yield text
    finally:
        text.detach()
