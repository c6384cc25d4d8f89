"""A trained CNN to a bundle and back; the network is rebuilt by code."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..machine.memory import require
from ..spatial.points import Points
from ..spatial.stack import Encoding
from ..statistics.conformal import Intervals
from .build import build
from .bundle import read_arrays, read_summary, write_bundle
from .header import check_header
from .presets import Preset
from .training import TrainedNetwork

_COPIES = 8 + 4 + 4  # bytes for each number: as read, at most, as the network's, and to set it


def save_model(
    path: Path,
    preset: Preset,
    seed: int,
    trained: TrainedNetwork,
    encodings: list[Encoding],
    intervals: Intervals,
    points: Points,
    about: dict,
) -> None:
    """Write a trained CNN.

    Parameters
    ----------
    seed : int
        Of the training.
    encodings : list of Encoding
        Of the drivers, in the order of the network's channels.
    intervals : Intervals
        Of its held-out errors, by the distance alone.
    points : Points
        All points of the split; positions are kept for distances, values only as a hash.
    about : dict
        "drivers" as in the request, "grid", "field", "unit", "positive", "split", "metrics".
    """
    header = {
        **about,
        "preset": preset.to_dict(),
        "seed": seed,
        "encodings": [encoding.to_dict() for encoding in encodings],
        "target_offset": trained.target_offset,
        "target_scale": trained.target_scale,
        "history": trained.history,
        "best_epoch": trained.best_epoch,
        "error_by_distance": intervals.to_dict(),
        "data_sha256": hashlib.sha256(points.xy.tobytes() + points.values.tobytes()).hexdigest(),
    }
    arrays = {"points_xy": points.xy}
    for i, weight in enumerate(trained.network.get_weights()):
        arrays[f"weight_{i:03d}"] = weight
    write_bundle(path, header, arrays)


def load_model(path: Path) -> tuple[Preset, TrainedNetwork, dict, np.ndarray]:
    """Read a preset and its trained network, the header, and the points (n, 2).

    Raises
    ------
    InputError
        If the bundle is bad, its arrays are not the network's, or memory is too small for them.
    """
    header = read_summary(path)
    check_header(header, path)
    require(
        _COPIES * sum(math.prod(each["shape"]) for each in header["arrays"].values()),
        f"The model {path}",
        "Free some, or train a smaller network.",
    )
    arrays = read_arrays(path, header)
    preset = Preset.from_dict(header["preset"])
    channels = sum(len(Encoding.from_dict(encoding).channels) for encoding in header["encodings"])
    network = build(preset, channels)
    network.set_weights([arrays[name] for name in sorted(arrays) if name.startswith("weight_")])
    if any("variance" in weight.name and (weight.numpy() < 0).any() for weight in network.weights):
        raise InputError(
            f"{path} was changed after it was written: a variance among its weights is negative. "
            "Copy or train it again."
        )
    trained = TrainedNetwork(
        network,
        header["target_offset"],
        header["target_scale"],
        header["history"],
        header["best_epoch"],
        0.0,
    )
    return preset, trained, header, arrays["points_xy"]
