<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis styleCategories="Symbology" version="3.22.0">
  <pipe>
    <rasterrenderer classificationMax="1" band="1" classificationMin="-1" nodataColor="" type="singlebandpseudocolor" opacity="1" alphaBand="-1">
      <rastershader>
        <colorrampshader classificationMode="1" clip="0" colorRampType="INTERPOLATED" maximumValue="1" minimumValue="-1" labelPrecision="6">
          <colorramp name="[source]" type="gradient">
            <Option type="Map">
              <Option value="103,0,31,255" name="color1" type="QString" />
              <Option value="5,48,97,255" name="color2" type="QString" />
              <Option value="0" name="discrete" type="QString" />
              <Option value="gradient" name="rampType" type="QString" />
              <Option value="0.1;178,24,43,255:0.2;214,96,77,255:0.3;244,165,130,255:0.4;253,219,199,255:0.5;247,247,247,255:0.6;209,229,240,255:0.7;146,197,222,255:0.8;67,147,195,255:0.9;33,102,172,255" name="stops" type="QString" />
            </Option>
          </colorramp>
          <item value="-1" color="#67001f" alpha="255" label="-1" />
          <item value="-0.8" color="#b2182b" alpha="255" label="-0.8" />
          <item value="-0.6" color="#d6604d" alpha="255" label="-0.6" />
          <item value="-0.4" color="#f4a582" alpha="255" label="-0.4" />
          <item value="-0.2" color="#fddbc7" alpha="255" label="-0.2" />
          <item value="0" color="#f7f7f7" alpha="255" label="0" />
          <item value="0.2" color="#d1e5f0" alpha="255" label="0.2" />
          <item value="0.4" color="#92c5de" alpha="255" label="0.4" />
          <item value="0.6" color="#4393c3" alpha="255" label="0.6" />
          <item value="0.8" color="#2166ac" alpha="255" label="0.8" />
          <item value="1" color="#053061" alpha="255" label="1" />
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
