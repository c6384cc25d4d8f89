"""What a raster rests on: a file may name others, and not all of them are welcome.

A file is data. It may name files beside it, but it may neither fetch from the net nor run code, and
bytes of any other file are no pixels.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from xml.etree import ElementTree  # nosec B405  # texts with entities are not parsed, see _virtual

from qgis.core import QgsProcessingException, QgsProcessingFeedback

from ...model import protocol
from ...model.files.foreign import SCHEMES, SYSTEMS
from ..worker import client
from ..worker.folders import KEPT, job_folder
from .sources import parts_of

# What is in the net, and GDAL's file systems whose names or files can hide it. They stand at the
# start of a name or inside that of another file system; a folder may well be called vsites.
_REMOTE = re.compile(
    rf"""(?:^|[/:"{{,=&?])/vsi(?:{SYSTEMS}|sparse|subfile|crypt|cached|stdin)\w*[/?]"""
    rf"""|\b(?:{SCHEMES})://""",
    re.IGNORECASE,
)
_SERVICES = {
    *("DAAS", "EEDAI", "HTTP", "NGW", "OGCAPI", "PLMOSAIC", "PLScenes", "PostGISRaster"),
    *("STACIT", "STACTA", "WCS", "WMS", "WMTS"),
}
_ARCHIVE = re.compile(r"^/vsi(?:zip|tar|gzip|7z|rar)/\{?", re.IGNORECASE)
_HDF5 = b"\x89HDF\r\n\x1a\n"
_VIRTUAL = "<vrtdataset"
_SOURCES = ("sourcefilename", "sourcedataset", "dempath")
_GEOLOCATION = ("X_DATASET", "Y_DATASET")
# Vector formats of several files; others are not opened, which may mean to read all of them.
_WITH_OTHERS = (".shp", ".shx", ".dbf", ".tab", ".mif", ".mid", ".vrt")
_HEAD = 1024
_whole: set = set()  # the HDF5 files that were looked at, each with its time of change


def files_of(uri: str) -> set[str]:
    """Real paths of all files that a raster rests on, through any number of virtual rasters.

    It never raises: what cannot be opened rests on the files that its name holds.
    """
    from osgeo import gdal

    found = set()
    for each, _, named_by in _walk(uri):
        found |= set(_paths(each))
        # To open all the tiles of a mosaic takes long: what lies beside them is not asked for.
        if not named_by and _is_local(each):
            with _quiet(gdal):
                raster = gdal.OpenEx(each, gdal.OF_RASTER)
                beside = raster.GetFileList() if raster else None
            found |= {os.path.realpath(file) for file in beside or () if os.path.exists(file)}
    return found


def files_of_vector(layer) -> set[str]:
    """Real paths of all files that a vector layer rests on; none for one in memory or on a server.

    It never raises: what cannot be opened rests on the file that its source names.
    """
    from osgeo import gdal

    path = parts_of(layer).get("path", "")
    if not os.path.isfile(path):
        return set()
    beside = None
    if path.lower().endswith(_WITH_OTHERS):
        with _quiet(gdal):
            data = gdal.OpenEx(path, gdal.OF_VECTOR)
            beside = data.GetFileList() if data else None
    return {os.path.realpath(file) for file in [path, *(beside or ())]}


def check_files(uri: str, name: str, feedback=None) -> None:
    """Refuse a raster that rests on the net, on code, or on bytes of a file that is no raster.

    What the user names is the user's choice; this is about what the files name.

    Raises
    ------
    QgsProcessingException
        The message says which file of the raster layer `name` it is.
    InputError
        If parts of an HDF5 file lie in others.
    JobCancelled
        When the user cancels.
    """
    from osgeo import gdal

    for each, virtual, file in _walk(uri):
        reason = ""
        if file and _REMOTE.search(each) and not each.startswith("<"):
            reason = f"fetches {each} from the net"
        elif virtual is None and (file or _is_local(each)):
            with _quiet(gdal):
                driver = gdal.IdentifyDriverEx(each, gdal.OF_RASTER)
            if driver and driver.ShortName in _SERVICES:
                file = each if _is_local(each) else file
                reason = f"describes a service in the net ({driver.LongName})"
            elif (path := next(_paths(each), "")) and _is_hdf5(path, name):
                _check_whole(path, feedback or QgsProcessingFeedback(False))
        elif virtual is not None:
            file = file if each.startswith("<") else each
            raw = _foreign_bytes(virtual, each)
            if next(virtual.iter("pixelfunctionlanguage"), None) is not None:
                reason = "computes pixels by Python code of its own (a pixel function)"
            elif raw:
                reason = f"takes the bytes of {raw} for pixels"
        if reason:
            file = file or "its own description"
            raise QgsProcessingException(
                f"The raster layer {name} rests on {file}, which {reason}. That is not done here: "
                "save the raster as a GeoTIFF and use that."
            )


def _is_hdf5(path: str, name: str) -> bool:
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD)
    except OSError as problem:
        raise QgsProcessingException(
            f"The raster layer {name} rests on {path}, which cannot be read: {problem.strerror}. "
            "Make it readable, or choose another layer."
        ) from problem
    return any(head[place:].startswith(_HDF5) for place in (0, 512))


def _check_whole(path: str, feedback) -> None:
    """Let the worker see whether parts of an HDF5 file lie in others; GDAL does not say.

    A file of many layers is looked at only when it has changed.
    """
    state = path, os.stat(path).st_mtime_ns
    if state in _whole:
        return
    try:
        with job_folder(kept_after=client.JobFailed) as folder:
            request = {"task": "whole", "outputs": [], "parameters": {}, "file": path}
            protocol.write_request(folder, request)
            client.run_job(folder, feedback)
    except client.JobFailed as failure:
        # No JobFailed, for which the folder of the algorithm's own job would be kept too.
        raise QgsProcessingException(
            f"Whether {path} keeps parts in other files cannot be seen. {failure} The job is kept "
            f"{KEPT} in {folder}."
        ) from failure
    _whole.add(state)


def _foreign_bytes(virtual: ElementTree.Element, file: str) -> str:
    """The file whose bytes are taken for pixels, if it is another than the one in `file`'s name.

    Radar processors write NAME.vrt beside the plain pixels in NAME.
    """
    for band in virtual.iter("vrtrasterband"):
        if band.get("subclass", "").lower() == "vrtrawrasterband":
            raw = band.find("sourcefilename")
            named = "" if raw is None else (raw.text or "").strip()
            beside = raw is not None and raw.get("relativetovrt") == "1"
            if not beside or os.path.basename(file) != f"{named}.vrt":
                return named or "another file"
    return ""


def _walk(uri: str) -> Iterator[tuple[str, ElementTree.Element | None, str]]:
    """A raster and all that it names, one after the other.

    Yields
    ------
    str
        How GDAL knows it: a path, or the text of a virtual raster.
    Element or None
        What is in it, if it is a virtual raster.
    str
        The file that names it; empty for `uri` itself.
    """
    ahead, seen = [(uri.split("|option:")[0].strip(), "")], set()
    while ahead:
        each, named_by = ahead.pop()
        if each in seen:
            continue
        seen.add(each)
        virtual = _virtual(each)
        yield each, virtual, named_by
        if virtual is None:
            continue
        is_file = not each.startswith("<")
        for element in virtual.iter():
            name = (element.text or "").strip()
            names_file = element.tag in _SOURCES or element.get("key") in _GEOLOCATION
            if names_file and name:
                if is_file and element.get("relativetovrt") == "1":
                    name = os.path.join(os.path.dirname(each), name)
                ahead.append((name, each if is_file else named_by))


def _virtual(uri: str) -> ElementTree.Element | None:
    """What is in a virtual raster, names in lower case; None if it is something else."""
    text = uri if uri.startswith("<") else _read(uri)
    start = text.lower().find(_VIRTUAL)
    if start < 0 or "<!ENTITY" in text:
        return None
    try:
        virtual = ElementTree.fromstring(text[start:].strip().rstrip("\0"))  # nosec B314  # as above
    except ElementTree.ParseError:
        return None  # GDAL says what is wrong with it
    for element in virtual.iter():  # GDAL ignores upper and lower case
        element.tag = element.tag.lower()
        element.attrib = {name.lower(): value for name, value in element.attrib.items()}
    return virtual


def _read(path: str) -> str:
    """A file, also one in an archive, if it starts as text in angle brackets; else nothing."""
    from osgeo import gdal

    if not _is_local(path):
        return ""
    with _quiet(gdal):
        file = gdal.VSIFOpenL(path, "rb")
        if file is None:
            return ""
        head = bytes(gdal.VSIFReadL(1, _HEAD, file) or b"")
        if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            size = gdal.VSIStatL(path).size
            head += bytes(gdal.VSIFReadL(1, size, file) or b"")
        else:
            head = b""
        gdal.VSIFCloseL(file)
    return head.decode("utf-8", "replace")


def _paths(uri: str) -> Iterator[str]:
    """The files in a name such as /vsizip/a.zip/b.tif or NETCDF:"a.nc":rain."""
    if _REMOTE.search(uri) or uri.startswith("<"):
        return
    place = _ARCHIVE.sub("", uri).replace("}", "")
    while place != uri and not _is_file(place) and os.path.dirname(place) != place:
        place = os.path.dirname(place)
    parts = place.split(":")
    for i in range(len(parts)):
        for j in range(len(parts), i, -1):
            path = ":".join(parts[i:j]).strip('"')
            if _is_file(path):
                yield os.path.realpath(path)
                return


def _is_file(path: str) -> bool:
    with suppress(ValueError):  # no path can hold some characters
        return os.path.isfile(path)
    return False


def _is_local(uri: str) -> bool:
    return not _REMOTE.search(uri) and any(_paths(uri))


@contextmanager
def _quiet(gdal):
    """GDAL without messages and exceptions inside the `with` block."""
    raised_before = gdal.GetUseExceptions()
    gdal.DontUseExceptions()
    gdal.PushErrorHandler("CPLQuietErrorHandler")
    try:
        yield
    finally:
        gdal.PopErrorHandler()
        if raised_before:
            gdal.UseExceptions()
