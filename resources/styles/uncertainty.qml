<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis styleCategories="Symbology" version="3.22.0">
  <pipe>
    <rasterrenderer classificationMax="1" band="1" classificationMin="0" nodataColor="" type="singlebandpseudocolor" opacity="1" alphaBand="-1">
      <rastershader>
        <colorrampshader classificationMode="1" clip="0" colorRampType="INTERPOLATED" maximumValue="1" minimumValue="0" labelPrecision="6">
          <colorramp name="[source]" type="gradient">
            <Option type="Map">
              <Option value="252,251,253,255" name="color1" type="QString" />
              <Option value="63,0,125,255" name="color2" type="QString" />
              <Option value="0" name="discrete" type="QString" />
              <Option value="gradient" name="rampType" type="QString" />
              <Option value="0.125;239,237,245,255:0.25;218,218,235,255:0.375;188,189,220,255:0.5;158,154,200,255:0.625;128,125,186,255:0.75;106,81,163,255:0.875;84,39,143,255" name="stops" type="QString" />
            </Option>
          </colorramp>
          <item value="0" color="#fcfbfd" alpha="255" label="0" />
          <item value="0.125" color="#efedf5" alpha="255" label="0.125" />
          <item value="0.25" color="#dadaeb" alpha="255" label="0.25" />
          <item value="0.375" color="#bcbddc" alpha="255" label="0.375" />
          <item value="0.5" color="#9e9ac8" alpha="255" label="0.5" />
          <item value="0.625" color="#807dba" alpha="255" label="0.625" />
          <item value="0.75" color="#6a51a3" alpha="255" label="0.75" />
          <item value="0.875" color="#54278f" alpha="255" label="0.875" />
          <item value="1" color="#3f007d" alpha="255" label="1" />
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
