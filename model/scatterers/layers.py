"""PS points in vector files, read in batches."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyogrio
import rasterio

from ..errors import InputError
from ..files.foreign import check_own
from .cells import make_batch, numbers
from .damage import FAILURES, explained
from .formats import POSITIONS
from .layout import Batch, Source, recognise

_ROWS = 8192
_DAMAGED = "A geometry of the layer is damaged. Repair the layer, or export it again."
_DBF = 10  # letters that Shapefiles leave of a name
_STYLES = "layer_styles"  # QGIS keeps looks there


def open_vector(
    path: Path,
    key: str,
    mapping: dict,
    given_crs: str | None,
    layer: str | None = None,
    crs: str | None = None,
    names: list[str] | None = None,
    title: str | None = None,
) -> Source:
    """Open a vector file: points, multipoints taken as their points, or a table of positions.

    All layers of points with the same columns are read, unless `layer` names one.

    Parameters
    ----------
    path : Path
    key, mapping
        As of `open_table`.
    given_crs : str, optional
        The CRS that the user gave for sources that do not state one.
    layer, crs : str, optional
        A layer of the file and its CRS, if the file need not state it.
    names : list of str, optional
        What the columns are called where the file cannot call them so, in their order.
    title : str
        What the user knows the layer by, if not by the file's name.

    Raises
    ------
    InputError
        As `open_table` does; also if the file has no layer of points.
    """
    check_own(path)
    with explained(lambda _: _unknown(path)):
        held = [(str(name), kind) for name, kind in pyogrio.list_layers(path)]
    if layer:
        return _open_layer(path, layer, key, mapping, given_crs, crs, names, title)
    chosen = [name for name, kind in held if kind and ("Point" in kind or kind == "Unknown")]
    chosen = chosen or [name for name, kind in held if not kind and name != _STYLES]
    opened, problems = {}, {}
    for name in chosen or [name for name, _ in held[:1]]:
        try:
            opened[name] = _open_layer(path, name, key, mapping, given_crs)
        except InputError as problem:
            problems[name] = problem
    if not opened:
        raise next(iter(problems.values()), _unknown(path))
    first = next(iter(opened.values()))
    alike = {name: each for name, each in opened.items() if each.is_like(first)}
    source = first if len(alike) == 1 else _chain(list(alike.values()))
    others = [name for name in chosen if name not in alike]
    one = "To read a single layer, load it in QGIS and give it as LAYER."
    if len(alike) > 1:
        source.notes.append(f"Layers of {path.name} that are read: {', '.join(alike)}. {one}")
    if others:
        source.notes.append(
            f"Layers of {path.name} that are left out, because their columns are others: "
            f"{', '.join(others)}. {one}"
        )
    return source


def _chain(sources: list[Source]) -> Source:
    """Sources of one kind, one after the other."""
    first, share = sources[0], 1 / len(sources)

    def read(skipped: Counter) -> Iterator[Batch]:
        for i, each in enumerate(sources):
            for batch in each.read(skipped):
                batch.done = (i + batch.done) * share
                yield batch

    return Source(first.layout, first.crs, first.places, read)


def _open_layer(
    path: Path,
    layer: str,
    key: str,
    mapping: dict,
    given_crs: str | None,
    crs: str | None = None,
    names: list[str] | None = None,
    title: str | None = None,
) -> Source:
    title = title or path.name
    unread = InputError(f"The layer {layer} of {title} cannot be read. Export it again.")
    with explained(lambda _: unread):
        info = pyogrio.read_info(path, layer=layer)
    there = [str(name) for name in info["fields"]]
    found = names or there
    own = dict(zip(reversed(found), reversed(there)))
    layout = recognise(found, key, mapping)
    if max(map(len, found), default=0) <= _DBF:
        layout.cut = _DBF
    kind = info["geometry_type"]
    x = y = ""
    if kind is None:
        x, y, crs = layout.find_positions(found, given_crs, mapping)
        places = f"the columns {x} and {y}"
    else:
        if "Point" not in kind and kind != "Unknown":
            raise InputError(f"{title} holds {kind} features; PS points are Point or MultiPoint.")
        layout.unused += [layout.columns.pop(name) for name in POSITIONS if name in layout.columns]
        crs = crs or _defined(info["crs"]) or given_crs
        if not crs:
            raise InputError(f"{title} does not state its CRS. Give it as CRS.")
        places = f"the {kind} geometries"
    wanted = [*layout.columns.values(), *layout.dates.values(), *([x, y] if kind is None else [])]
    wanted = list(dict.fromkeys(wanted))
    count = info["features"]

    def read(skipped: Counter) -> Iterator[Batch]:
        done = 0

        def damaged(_) -> InputError:
            return InputError(
                f"{title} cannot be read beyond its first {done:,} features: it is damaged. "
                "Fetch or export it again."
            )

        with explained(damaged):
            with pyogrio.open_arrow(
                path,
                layer=layer,
                columns=[own[name] for name in wanted],
                batch_size=_ROWS,
                use_pyarrow=True,
            ) as (meta, reader):
                geometry = meta["geometry_name"] or "wkb_geometry"
                for batch in reader:
                    done += batch.num_rows
                    named = {name: batch[own[name]] for name in wanted}
                    if kind is None:
                        xy = np.column_stack([numbers(named, x), numbers(named, y)])
                    else:
                        named, xy = _places(named, batch[geometry], skipped)
                    if len(xy):
                        yield make_batch(layout, named, xy, done / max(count, done))
        skipped["counted by the file, but not in it"] += max(count - done, 0)

    return Source(layout, crs, places, read)


def _places(named: dict, geometry: pa.Array, skipped: Counter) -> tuple[dict, np.ndarray]:
    """The columns and positions of each point of some rows."""
    rows, xy = read_places(geometry)
    skipped["no position"] += len(geometry) - len(np.unique(rows))
    if len(rows) != len(geometry) or (np.diff(rows) != 1).any():
        named = {name: column.take(pa.array(rows)) for name, column in named.items()}
    return named, xy


def _defined(crs: str | None) -> str | None:
    """A CRS, unless GDAL says by it that there is none."""
    return None if crs is None or re.search("undefined .*SRS", crs, re.IGNORECASE) else crs


def _unknown(path: Path) -> InputError:
    """What to say of a file that is no vector file."""
    try:
        with rasterio.open(path):
            return InputError(
                f"{path.name} is a raster, not points. Make points of its cells by QGIS's 'Raster "
                "pixels to points', and give that layer."
            )
    except (rasterio.errors.RasterioError, *FAILURES):
        advice = "Give CSV or text, a Shapefile, a GeoPackage or HDF5."
        if path.suffix.lower() == ".zip":
            advice = "Unpack it, and give the file that you want."
        return InputError(
            f"{path.name} cannot be read: it is damaged, or no file of points. {advice}"
        )


def read_places(wkb: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Positions in well-known binary of points and multipoints.

    Returns
    -------
    rows : ndarray (points,)
        Which element each point is of; without those that have none.
    xy : ndarray (points, 2)

    Raises
    ------
    InputError
        If another geometry is among them.
    """
    wkb = pa.concat_arrays([wkb]).cast(pa.large_binary())
    lengths = pc.binary_length(wkb).fill_null(0).to_numpy(zero_copy_only=False)
    offsets = np.frombuffer(wkb.buffers()[1], np.int64)[wkb.offset :][: len(wkb)]
    octets = np.frombuffer(wkb.buffers()[2] or b"", np.uint8)
    kinds = np.zeros(len(wkb), np.uint32)
    there = np.flatnonzero(lengths)
    if lengths[there].min(initial=5) < 5 or (octets[offsets[there]] != 1).any():
        raise InputError(_DAMAGED)
    kinds[there] = octets[offsets[there, None] + np.arange(1, 5)].view("<u4")[:, 0]
    rows, places = [], []
    for kind, length in {*zip(kinds[there].tolist(), lengths[there].tolist())}:
        # Z and M are flags in OGR's old codes, thousands in ISO's.
        base, beyond = kind & 0xFFFFFFF, (kind >> 31) + (kind >> 30 & 1)
        size = 16 + 8 * (beyond + (0, 1, 1, 2)[base // 1000 % 4])
        if base % 1000 not in (1, 4):
            raise InputError("The layer holds other geometries than points. Give points.")
        head = 9 if base % 1000 == 4 else 0
        members, rest = divmod(length - head, 5 + size)
        if rest or members < 0:
            raise InputError(_DAMAGED)
        point = np.dtype([("head", "V5"), ("xy", "<f8", 2), ("rest", f"V{size - 16}")])
        if not members:
            continue
        at = np.flatnonzero((kinds == kind) & (lengths == length))
        cells = octets[offsets[at, None] + np.arange(head, length)]
        places.append(cells.view(point)["xy"].reshape(-1, 2))
        rows.append(np.repeat(at, members))
    if not rows:
        return np.empty(0, int), np.empty((0, 2))
    order = np.argsort(np.concatenate(rows), kind="stable")
    return np.concatenate(rows)[order], np.concatenate(places)[order]
