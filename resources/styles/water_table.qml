<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis styleCategories="Symbology" version="3.22.0">
  <pipe>
    <rasterrenderer classificationMax="1" band="1" classificationMin="0" nodataColor="" type="singlebandpseudocolor" opacity="1" alphaBand="-1">
      <rastershader>
        <colorrampshader classificationMode="1" clip="0" colorRampType="INTERPOLATED" maximumValue="1" minimumValue="0" labelPrecision="6">
          <colorramp name="[source]" type="gradient">
            <Option type="Map">
              <Option value="246,232,195,255" name="color1" type="QString" />
              <Option value="8,59,122,255" name="color2" type="QString" />
              <Option value="0" name="discrete" type="QString" />
              <Option value="gradient" name="rampType" type="QString" />
              <Option value="0.125;223,217,184,255:0.25;199,221,208,255:0.375;161,205,214,255:0.5;111,179,210,255:0.625;74,152,197,255:0.75;47,122,181,255:0.875;28,90,154,255" name="stops" type="QString" />
            </Option>
          </colorramp>
          <item value="0" color="#f6e8c3" alpha="255" label="0" />
          <item value="0.125" color="#dfd9b8" alpha="255" label="0.125" />
          <item value="0.25" color="#c7ddd0" alpha="255" label="0.25" />
          <item value="0.375" color="#a1cdd6" alpha="255" label="0.375" />
          <item value="0.5" color="#6fb3d2" alpha="255" label="0.5" />
          <item value="0.625" color="#4a98c5" alpha="255" label="0.625" />
          <item value="0.75" color="#2f7ab5" alpha="255" label="0.75" />
          <item value="0.875" color="#1c5a9a" alpha="255" label="0.875" />
          <item value="1" color="#083b7a" alpha="255" label="1" />
          <rampLegendSettings useContinuousLegend="1" prefix="" minimumLabel="" orientation="2" maximumLabel="" suffix=" m" direction="0">
            <numericFormat id="basic">
              <Option type="Map">
                <Option value="" name="decimal_separator" type="QChar" />
                <Option value="0" name="decimals" type="int" />
                <Option value="0" name="rounding_type" type="int" />
                <Option value="false" name="show_plus" type="bool" />
                <Option value="true" name="show_thousand_separator" type="bool" />
                <Option value="false" name="show_trailing_zeros" type="bool" />
                <Option value="" name="thousand_separator" type="QChar" />
              </Option>
            </numericFormat>
          </rampLegendSettings>
        </colorrampshader>
      </rastershader>
    </rasterrenderer>
  </pipe>
</qgis>
