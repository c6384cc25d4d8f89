"""Subsidence Mapper: continuous land-subsidence maps from persistent scatterers, inside QGIS."""


def classFactory(iface):  # noqa: N802, QGIS looks for this name
    """Give QGIS the plugin; nothing is imported before QGIS asks for it."""
    from .subsidence_plugin import SubsidencePlugin

    return SubsidencePlugin(iface)
