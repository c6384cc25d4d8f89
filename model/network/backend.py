"""Keras on TensorFlow, the same for everybody: the one place that imports them.

Workers of a cluster, which do not start as `worker` does, import it too.
"""

from __future__ import annotations

import os
import stat

from ..machine.settings import settle

__all__ = ["device_lib", "gradient_registry", "keras", "tf"]

settle()
_log = os.fstat(2)

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402
from tensorflow.python.client import device_lib  # noqa: E402
from tensorflow.python.framework.ops import gradient_registry  # noqa: E402

# TensorFlow greets before it has read how much it may say. A crash on the way shows in that; but
# in the log of a worker that is killed later, a greeting would be taken for the reason.
if stat.S_ISREG(_log.st_mode):
    os.ftruncate(2, _log.st_size)
tf.get_logger().setLevel("ERROR")  # nor its advice on speed

# Where somebody else has imported Keras already, as on a worker of a cluster.
keras.config.set_floatx("float32")
keras.config.set_epsilon(1e-7)
keras.config.set_image_data_format("channels_last")
keras.config.set_dtype_policy("float32")
