<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis styleCategories="Symbology" version="3.22.0">
  <pipe>
    <rasterrenderer classificationMax="1" band="1" classificationMin="0" nodataColor="" type="singlebandpseudocolor" opacity="1" alphaBand="-1">
      <rastershader>
        <colorrampshader classificationMode="1" clip="0" colorRampType="INTERPOLATED" maximumValue="1" minimumValue="0" labelPrecision="6">
          <colorramp name="[source]" type="gradient">
            <Option type="Map">
              <Option value="0,68,27,255" name="color1" type="QString" />
              <Option value="247,252,245,255" name="color2" type="QString" />
              <Option value="0" name="discrete" type="QString" />
              <Option value="gradient" name="rampType" type="QString" />
              <Option value="0.125;0,109,44,255:0.25;35,139,69,255:0.375;65,171,93,255:0.5;116,196,118,255:0.625;161,217,155,255:0.75;199,233,192,255:0.875;229,245,224,255" name="stops" type="QString" />
            </Option>
          </colorramp>
          <item value="0" color="#00441b" alpha="255" label="0" />
          <item value="0.125" color="#006d2c" alpha="255" label="0.125" />
          <item value="0.25" color="#238b45" alpha="255" label="0.25" />
          <item value="0.375" color="#41ab5d" alpha="255" label="0.375" />
          <item value="0.5" color="#74c476" alpha="255" label="0.5" />
          <item value="0.625" color="#a1d99b" alpha="255" label="0.625" />
          <item value="0.75" color="#c7e9c0" alpha="255" label="0.75" />
          <item value="0.875" color="#e5f5e0" alpha="255" label="0.875" />
          <item value="1" color="#f7fcf5" alpha="255" label="1" />
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
