"""Libraries follow this plugin's settings, not the user's own files and variables."""

from __future__ import annotations

import os

# Of Keras, TensorFlow, Matplotlib, GDAL and PROJ.
_THEIRS = (
    *("KERAS_", "TF_", "MPL", "MATPLOTLIBRC"),
    *("GDAL_", "OGR_", "CPL_", "GTIFF_", "VSI_", "PROJ_"),
)
# What a user may choose, because it changes no result: threads, memory, places for scratch. And
# oneDNN, which changes last digits.
_CHOICES = (
    *("TF_ENABLE_ONEDNN_OPTS", "TF_NUM_", "TF_GPU_", "TF_FORCE_GPU_ALLOW_GROWTH"),
    *("MPLCONFIGDIR", "GDAL_CACHEMAX", "CPL_TMPDIR"),
)


def settle() -> None:
    """Set what libraries read when they start; to be called before they are imported.

    Another epsilon, fewer epochs or another backend of Keras would make another network of the same
    seed; a matplotlibrc may ask for TeX, which is not there.
    """
    for name in list(os.environ):
        if name.startswith(_THEIRS) and not name.startswith(_CHOICES):
            del os.environ[name]
    # Where it would not choose oneDNN itself, on CPUs without AVX-512, TensorFlow trains the
    # presets 1.5 to 1.8 times as many patches a second with it. GDAL would keep a twentieth of the
    # machine's memory, however much that is; in megabytes.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    os.environ.setdefault("GDAL_CACHEMAX", "128")
    os.environ |= {
        "KERAS_BACKEND": "tensorflow",
        "KERAS_HOME": os.devnull,  # where no keras.json can be, nor be made
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "MATPLOTLIBRC": os.devnull,
        "GDAL_CONFIG_FILE": os.devnull,  # in the place of ~/.gdal/gdalrc
        "PROJ_NETWORK": "OFF",
    }
