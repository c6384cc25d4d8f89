"""Damages to files, as bytes, JSON and zips: by chance, and as somebody with a grudge would."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import zipfile

import numpy as np
from subsidence_mapper.model.network.bundle import _digest

DEEP = "[" * 100_000 + "]" * 100_000
NESTED = json.loads("[" * 300 + "]" * 300)
STRANGE = [
    None,
    True,
    False,
    0,
    1,
    -1,
    2.5,
    -0.0,
    10**9,
    2**31,
    2**63,
    2**64,
    -(2**63),
    10**400,
    -(10**400),
    1e306,
    -1e306,
    1e-320,
    float("nan"),
    float("inf"),
    "",
    "x",
    "1",
    "\x00",
    "\ud800",
    "../../etc/passwd",
    "/dev/zero",
    "$\\frac{",
    "long " * 2000,
    [],
    {},
    [0],
    [[]],
    [None],
    {"": None},
    {"name": "a"},
    [1e306, -1, 10**400],
    NESTED,
]


def damaged_bytes(random, content: bytes) -> bytes:
    """Content with flipped bits, or a part cut out, doubled, overwritten or cut off."""
    content = bytearray(content)
    for _ in range(random.choice([1, 1, 2, 20])):
        place = random.randrange(len(content) or 1)
        size = random.choice([1, 2, 8, 100])
        kind = random.randrange(6)
        if not content:
            break
        if kind == 0:
            content[place] ^= 1 << random.randrange(8)
        elif kind == 1:
            del content[place:]
        elif kind == 2:
            del content[place : place + size]
        elif kind == 3:
            content[place:place] = content[place : place + size]
        elif kind == 4:
            content[place : place + size] = bytes([random.choice([0, 255, 34, 91])]) * size
        else:
            other = random.randrange(len(content))
            content[place : place + size] = content[other : other + size]
    return bytes(content)


def damaged_json(random, message):
    """A copy in which values are strange, gone, doubled, or stand under other names."""
    message = copy.deepcopy(message)
    for _ in range(random.choice([1, 1, 1, 2, 5])):
        holder, key = _place(random, message)
        kind = random.randrange(6)
        if isinstance(holder, list):
            if kind == 0:
                del holder[key]
            elif kind == 1:
                holder.insert(key, copy.deepcopy(holder[key]))
            elif kind == 2:
                holder += copy.deepcopy(holder) * random.choice([1, 30])
            else:
                holder[key] = _strange(random, holder[key])
        elif key in holder:
            if kind == 0:
                del holder[key]
            elif kind == 1:
                holder[str(_strange(random, key))] = holder.pop(key)
            elif kind == 2:
                other, place = _place(random, message)
                holder[key] = copy.deepcopy(other.get(place) if isinstance(other, dict) else other)
            else:
                holder[key] = _strange(random, holder[key])
    return message


def _strange(random, value):
    near = []
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        near = [-value, value + 1, value * 2, value * 10**6, str(value), [value]]
    return copy.deepcopy(random.choice([*STRANGE, *near]))


def _place(random, message):
    """Any list or object in a message, and the index or key of something in it."""
    holder, key = message, next(iter(message), "")
    while True:
        key = random.choice(list(holder if isinstance(holder, dict) else range(len(holder))))
        inner = holder[key]
        if not isinstance(inner, (list, dict)) or not inner or random.random() < 0.3:
            return holder, key
        holder = inner


def damaged_text(random, message: dict) -> bytes:
    """JSON whose text is damaged, or that no parser likes."""
    text = json.dumps(message)
    kind = random.randrange(5)
    if kind == 0:
        return damaged_bytes(random, text.encode())
    place = text.index(":", random.randrange(len(text) // 2)) + 1
    if kind == 1:
        return (text[:place] + DEEP + "," + text[place:]).encode()
    if kind == 2:
        return (text[:place] + "9" * 10_000 + "," + text[place:]).encode()
    if kind == 3:
        return text.encode(random.choice(["utf-16", "utf-32", "utf-8-sig"]))
    return json.dumps(json.loads(text) if random.random() < 0.5 else [message]).encode()[
        : random.choice([None, -1])
    ]


def signed(header: dict) -> bytes:
    """A bundle's header whose digest is right, whatever it says."""
    try:
        header["digest"] = _digest(header)
    except (TypeError, ValueError, RecursionError, UnicodeEncodeError):
        pass
    return json.dumps(header).encode()


def damaged_array(random, array: np.ndarray) -> bytes:
    """A file of NumPy's with numbers, a shape, a type or a header that it should not have."""
    array, kind = array.copy(), random.randrange(7)
    if kind == 0 and array.size:
        array.flat[random.randrange(array.size)] = random.choice([np.nan, np.inf, -1, 3e38, -3e38])
    elif kind == 1:
        array = array.ravel()[:-1]
    elif kind == 2:
        array = array.astype(random.choice(["complex64", "U1", "O", "S3"]))
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    content = buffer.getvalue()
    if kind == 3:
        content = content.replace(b"'shape': (", b"'shape': (999999999, ", 1)
    elif kind == 4:
        content = content.replace(b"'<f4'", random.choice([b"'|O'", b"[[[[", b"'<f4", b"1+1"]), 1)
    elif kind == 5:
        content = content[:6] + bytes([random.randrange(6), random.randrange(3)]) + content[8:]
    elif kind == 6:
        content = damaged_bytes(random, content)
    return content


def damaged_model(random, members: dict[str, bytes], arrays: dict[str, np.ndarray]) -> bytes:
    """A model of which anything is damaged; most are signed again."""
    members, header = dict(members), json.loads(members["model.json"])
    kind = random.randrange(6)
    if kind in (0, 1, 2):
        members["model.json"] = signed(damaged_json(random, header))
    elif kind == 3:
        members["model.json"] = damaged_text(random, header)
    elif kind == 4:
        name = random.choice(list(arrays))
        content = damaged_array(random, arrays[name])
        members[f"arrays/{name}.npy"] = content
        header["arrays"][name]["sha256"] = hashlib.sha256(content).hexdigest()
        members["model.json"] = signed(header)
    trick = random.randrange(8) if kind == 5 else 99
    packing = zipfile.ZIP_STORED
    if trick < 3:
        packing = [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA][trick]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", packing) as file:
        for name, content in members.items():
            file.writestr(zipfile.ZipInfo(name), content, packing)
        if trick == 3:
            file.writestr(random.choice(list(members)) + "x", b"more")
        if trick == 4:
            import warnings

            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                file.writestr(random.choice(list(members)), b"again")
        if trick == 5:
            file.writestr("arrays/zeros.npy", bytes(10**6), zipfile.ZIP_DEFLATED)
    content = bytearray(buffer.getvalue())
    if trick in (6, 7):
        # Flags, method and sizes of the directory, which nothing else checks.
        place = content.rindex(b"PK\x01\x02") + random.choice([8, 10, 20, 24, 28, 42])
        content[place : place + 2] = random.choice(
            [b"\x01\x00", b"\x63\x00", b"\xff\xff", b"\x00\x00"]
        )
    if kind == 5 and trick == 7 or random.random() < 0.1:
        return damaged_bytes(random, bytes(content))
    return bytes(content)
