"""Keras on TensorFlow, the same for everybody: the one place that imports them.

Keras reads the user's `keras.json`, and both read variables of the environment: another epsilon,
fewer epochs or another backend would make another network of the same seed.
"""

from __future__ import annotations

import os
import stat

__all__ = ["device_lib", "gradient_registry", "keras", "tf"]

# What a user may choose, because it changes no network: threads, a GPU's memory. And oneDNN, which
# changes last digits: where TensorFlow would not choose it itself, on CPUs without AVX-512, the
# presets train 1.5 to 1.8 times as many patches a second with it.
_CHOICES = ("TF_ENABLE_ONEDNN_OPTS", "TF_NUM_", "TF_GPU_", "TF_FORCE_GPU_ALLOW_GROWTH")

for _name in list(os.environ):
    if _name.startswith(("KERAS_", "TF_")) and not _name.startswith(_CHOICES):
        del os.environ[_name]
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ |= {
    "KERAS_BACKEND": "tensorflow",
    "KERAS_HOME": os.devnull,  # where no keras.json can be, nor be made
    "TF_CPP_MIN_LOG_LEVEL": "3",
}
_log = os.fstat(2)

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402
from tensorflow.python.client import device_lib  # noqa: E402
from tensorflow.python.framework.ops import gradient_registry  # noqa: E402

# TensorFlow greets before it has read how much it may say. A crash on the way is told by that; but
# in the log of a worker that is killed later, a greeting would be taken for the reason.
if stat.S_ISREG(_log.st_mode):
    os.ftruncate(2, _log.st_size)

# Where somebody else has imported Keras already, as on a worker of a cluster.
keras.config.set_floatx("float32")
keras.config.set_epsilon(1e-7)
keras.config.set_image_data_format("channels_last")
keras.config.set_dtype_policy("float32")
