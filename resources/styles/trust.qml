<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis styleCategories="Symbology" version="3.22.0">
  <pipe>
    <rasterrenderer band="1" nodataColor="" type="paletted" opacity="1" alphaBand="-1">
      <colorPalette>
        <paletteEntry value="1" color="#ffffff" alpha="0" label="1 measured nearby" />
        <paletteEntry value="2" color="#ffffff" alpha="70" label="2 interpolated" />
        <paletteEntry value="3" color="#ffffff" alpha="160" label="3 extrapolated" />
        <paletteEntry value="4" color="#ffffff" alpha="225" label="4 outside" />
      </colorPalette>
    </rasterrenderer>
  </pipe>
</qgis>
