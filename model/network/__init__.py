"""The convolutional network: presets, patches, training, dense evaluation, bundle."""
