"""Show that the environment works: fit and run a tiny network."""

from __future__ import annotations

import platform

import numpy as np

from ..network.backend import keras, tf
from ..network.device import device_names


def run(folder, request, monitor) -> dict:
    """Fit y = 2 x on a one-neuron network and report the device.

    Raises
    ------
    RuntimeError
        If the network does not learn what it must.
    """
    keras.utils.set_random_seed(0)
    network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    network.compile(optimizer=keras.optimizers.SGD(0.5), loss="mse", jit_compile=False)
    x = np.linspace(-1, 1, 64, dtype="float32")[:, None]
    network.fit(x, 2 * x, batch_size=64, epochs=60, verbose=0)
    answer = float(network.predict(np.ones((1, 1), "float32"), verbose=0)[0, 0])
    if abs(answer - 2) > 0.01:
        raise RuntimeError(f"a one-neuron network learned {answer:.3f} where 2 was to be learned")
    return {
        "device": {
            "device": device_names(),
            "tensorflow": tf.__version__,
            "python": platform.python_version(),
        }
    }
