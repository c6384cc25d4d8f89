"""The networks, described; nothing here imports TensorFlow."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Literal, get_args

from ..errors import InputError

PresetName = Literal["standard", "paper"]
Loss = Literal["mse", "mae", "huber"]
Optimizer = Literal["adam", "sgd", "rmsprop"]
Activation = Literal["relu", "leaky_relu", "elu", "tanh"]
LOSSES: tuple[Loss, ...] = get_args(Loss)
OPTIMIZERS: tuple[Optimizer, ...] = get_args(Optimizer)
ACTIVATIONS: tuple[Activation, ...] = get_args(Activation)

_WEIGHTS, _LAYERS, _PATCHES = 5, 2, 4  # how many there are in memory at a time
_NORMALISATION = 4  # vectors of weights: scale, offset, mean and variance


@dataclass(frozen=True)
class Dense:
    """A dense layer with batch normalisation, and dropout where its rate is not 0."""

    units: int
    dropout: float


@dataclass(frozen=True)
class Preset:
    """A network and how it is trained.

    Parameters
    ----------
    name : str
    padding : str
        Of the 3 x 3 convolutions; see `dense` and `dense_same`.
    blocks : tuple of int
        Filters of the blocks [Conv 1x1, Conv 3x3, batch normalisation, max-pooling 2x2, dropout].
    dropout : float
        Rate after each block.
    dense : tuple of Dense
        Layers between the blocks and the one linear output.
    momentum : float
        Of the moving statistics of batch normalisation. Keras's 0.99 needs hundreds of batches
        to settle; with few points training would be over, or stopped as useless, before.
    scaling : str
        Of the drivers, see `spatial.stack.read_stack`.
    scale_target : bool
        Whether the network learns the displacement with mean 0 and standard deviation 1.
    patch_size : int
        Cells.
    learning_rate, batch_size, epochs, loss, optimizer
        As Keras names them; the loss is on the scaled target where `scale_target`.
    activation : str
        Behind each convolution and each dense layer but the last, as Keras names it.
    patience : int
        Epochs in a row without a smaller validation loss after which training ends, so that few
        points, which make few steps in an epoch, get more epochs than many.
    """

    name: str
    padding: str
    blocks: tuple
    dropout: float
    dense: tuple
    momentum: float
    scaling: str
    scale_target: bool
    patch_size: int
    learning_rate: float
    batch_size: int
    epochs: int
    loss: str
    optimizer: str
    activation: str
    patience: int

    def to_dict(self) -> dict:
        """The preset as it stands in a bundle's header."""
        return asdict(self)

    @classmethod
    def from_dict(cls, message: dict) -> Preset:
        """The preset that a bundle's header describes."""
        return cls(
            **{
                **message,
                "blocks": tuple(message["blocks"]),
                "dense": tuple(Dense(**layer) for layer in message["dense"]),
            }
        )

    @property
    def smallest_patch(self) -> int:
        """The smallest patch, in cells, that leaves a cell after the last block."""
        return self._before_blocks(1)

    @property
    def final_size(self) -> int:
        """Cells along each axis of what the last block leaves of a patch."""
        size = self.patch_size
        for _ in self.blocks:
            size = (size - self._lost) // 2
        return size

    @property
    def receptive_field(self) -> int:
        """Cells along each axis that the output depends on: the patch, less what pooling cuts."""
        return self._before_blocks(self.final_size)

    @property
    def _lost(self) -> int:
        return 2 if self.padding == "valid" else 0

    def _before_blocks(self, size: int) -> int:
        for _ in self.blocks:
            size = 2 * size + self._lost
        return size


def weight_shapes(preset: Preset, channels: int) -> list[tuple]:
    """The shapes of the weights of a preset's network, as `build.build` makes it, in Keras's order.

    Parameters
    ----------
    channels : int
        Of the patches.
    """
    shapes, size = [], channels
    for filters in preset.blocks:
        for kernel in (1, 3):
            shapes += [(kernel, kernel, size, filters), (filters,)]
            size = filters
        shapes += [(filters,)] * _NORMALISATION
    size *= preset.final_size**2
    for layer in preset.dense:
        shapes += [(size, layer.units), (layer.units,), *[(layer.units,)] * _NORMALISATION]
        size = layer.units
    return [*shapes, (size, 1), (1,)]


def training_memory(preset: Preset, channels: int, points: int) -> float:
    """About how many bytes it takes to train a preset's network on so many points.

    The weights with their gradients, two moments each, and those of the best epoch; of each patch
    of a batch what the layers make of it, which is kept for the gradients, and these; and the
    patches themselves, a batch of which is gathered ahead.
    """
    weights = sum(math.prod(shape) for shape in weight_shapes(preset, channels))
    size, lost = preset.patch_size, 2 if preset.padding == "valid" else 0
    patch = _PATCHES * channels * size**2
    for filters in preset.blocks:
        inside = size - lost
        patch += _LAYERS * filters * (size**2 + 3 * inside**2)
        size = inside // 2
    return 4 * (_WEIGHTS * weights + min(preset.batch_size, points) * patch)


PAPER = Preset(
    name="paper",
    padding="same",
    blocks=(32, 32, 1024),
    dropout=0.1,
    dense=(Dense(1024, 0.1), Dense(1024, 0.1), Dense(512, 0.1), Dense(512, 0.1), Dense(256, 0.0)),
    momentum=0.99,
    scaling="unit",
    scale_target=False,
    patch_size=30,
    learning_rate=1e-4,
    batch_size=128,
    epochs=150,
    loss="mse",
    optimizer="adam",
    activation="relu",
    patience=150,
)

STANDARD = Preset(
    name="standard",
    padding="valid",
    blocks=(8, 16, 32),
    dropout=0.1,
    dense=(Dense(64, 0.1), Dense(32, 0.0)),
    momentum=0.9,
    scaling="standard",
    scale_target=True,
    patch_size=30,
    learning_rate=4e-3,
    batch_size=64,
    epochs=100,
    loss="mse",
    optimizer="adam",
    activation="relu",
    patience=20,
)

PRESETS: dict[str, Preset] = {preset.name: preset for preset in (STANDARD, PAPER)}


def make_preset(name: str, **changes) -> Preset:
    """The preset called `name` with some of its values changed.

    Raises
    ------
    InputError
        If there is no such preset or a value is out of range.
    """
    if name not in PRESETS:
        raise InputError(f"Unknown preset '{name}'. Known presets: {', '.join(PRESETS)}.")
    preset = replace(PRESETS[name], **changes)
    if preset.patch_size < preset.smallest_patch:
        raise InputError(
            f"A patch size of {preset.patch_size} cells is too small for the {name} preset. "
            f"Give at least {preset.smallest_patch}."
        )
    for value, known in (
        (preset.loss, LOSSES),
        (preset.optimizer, OPTIMIZERS),
        (preset.activation, ACTIVATIONS),
    ):
        if value not in known:
            raise InputError(f"'{value}' is not one of {', '.join(known)}.")
    for parameter in ("epochs", "batch_size", "learning_rate"):
        if not getattr(preset, parameter) > 0:
            raise InputError(f"{parameter} was {getattr(preset, parameter)}; it must be above 0.")
    return preset
