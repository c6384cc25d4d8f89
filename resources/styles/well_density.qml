<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis styleCategories="Symbology" version="3.22.0">
  <pipe>
    <rasterrenderer classificationMax="1" band="1" classificationMin="0" nodataColor="" type="singlebandpseudocolor" opacity="1" alphaBand="-1">
      <rastershader>
        <colorrampshader classificationMode="1" clip="0" colorRampType="INTERPOLATED" maximumValue="1" minimumValue="0" labelPrecision="6">
          <colorramp name="[source]" type="gradient">
            <Option type="Map">
              <Option value="255,255,204,255" name="color1" type="QString" />
              <Option value="128,0,38,255" name="color2" type="QString" />
              <Option value="0" name="discrete" type="QString" />
              <Option value="gradient" name="rampType" type="QString" />
              <Option value="0.125;255,237,160,255:0.25;254,217,118,255:0.375;254,178,76,255:0.5;253,140,60,255:0.625;252,77,42,255:0.75;226,25,28,255:0.875;187,0,38,255" name="stops" type="QString" />
            </Option>
          </colorramp>
          <item value="0" color="#ffffcc" alpha="255" label="0" />
          <item value="0.125" color="#ffeda0" alpha="255" label="0.125" />
          <item value="0.25" color="#fed976" alpha="255" label="0.25" />
          <item value="0.375" color="#feb24c" alpha="255" label="0.375" />
          <item value="0.5" color="#fd8c3c" alpha="255" label="0.5" />
          <item value="0.625" color="#fc4d2a" alpha="255" label="0.625" />
          <item value="0.75" color="#e2191c" alpha="255" label="0.75" />
          <item value="0.875" color="#bb0026" alpha="255" label="0.875" />
          <item value="1" color="#800026" alpha="255" label="1" />
          <rampLegendSettings useContinuousLegend="1" prefix="" minimumLabel="" orientation="2" maximumLabel="" suffix="" direction="0">
            <numericFormat id="basic">
              <Option type="Map">
                <Option value="" name="decimal_separator" type="QChar" />
                <Option value="2" name="decimals" type="int" />
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
