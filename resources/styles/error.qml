<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis styleCategories="Symbology" version="3.22.0">
  <pipe>
    <rasterrenderer classificationMax="1" band="1" classificationMin="-1" nodataColor="" type="singlebandpseudocolor" opacity="1" alphaBand="-1">
      <rastershader>
        <colorrampshader classificationMode="1" clip="0" colorRampType="INTERPOLATED" maximumValue="1" minimumValue="-1" labelPrecision="6">
          <colorramp name="[source]" type="gradient">
            <Option type="Map">
              <Option value="127,59,8,255" name="color1" type="QString" />
              <Option value="45,0,75,255" name="color2" type="QString" />
              <Option value="0" name="discrete" type="QString" />
              <Option value="gradient" name="rampType" type="QString" />
              <Option value="0.1;179,88,6,255:0.2;224,130,20,255:0.3;253,184,99,255:0.4;254,224,182,255:0.5;247,247,247,255:0.6;216,218,235,255:0.7;178,171,210,255:0.8;128,115,172,255:0.9;84,39,136,255" name="stops" type="QString" />
            </Option>
          </colorramp>
          <item value="-1" color="#7f3b08" alpha="255" label="-1" />
          <item value="-0.8" color="#b35806" alpha="255" label="-0.8" />
          <item value="-0.6" color="#e08214" alpha="255" label="-0.6" />
          <item value="-0.4" color="#fdb863" alpha="255" label="-0.4" />
          <item value="-0.2" color="#fee0b6" alpha="255" label="-0.2" />
          <item value="0" color="#f7f7f7" alpha="255" label="0" />
          <item value="0.2" color="#d8daeb" alpha="255" label="0.2" />
          <item value="0.4" color="#b2abd2" alpha="255" label="0.4" />
          <item value="0.6" color="#8073ac" alpha="255" label="0.6" />
          <item value="0.8" color="#542788" alpha="255" label="0.8" />
          <item value="1" color="#2d004b" alpha="255" label="1" />
          <rampLegendSettings useContinuousLegend="1" prefix="" minimumLabel="" orientation="2" maximumLabel="" suffix=" mm" direction="0">
            <numericFormat id="basic">
              <Option type="Map">
                <Option value="" name="decimal_separator" type="QChar" />
                <Option value="1" name="decimals" type="int" />
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
