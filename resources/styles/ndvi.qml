<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis styleCategories="Symbology" version="3.22.0">
  <pipe>
    <rasterrenderer classificationMax="1" band="1" classificationMin="0" nodataColor="" type="singlebandpseudocolor" opacity="1" alphaBand="-1">
      <rastershader>
        <colorrampshader classificationMode="1" clip="0" colorRampType="INTERPOLATED" maximumValue="1" minimumValue="0" labelPrecision="6">
          <colorramp name="[source]" type="gradient">
            <Option type="Map">
              <Option value="255,255,229,255" name="color1" type="QString" />
              <Option value="0,69,41,255" name="color2" type="QString" />
              <Option value="0" name="discrete" type="QString" />
              <Option value="gradient" name="rampType" type="QString" />
              <Option value="0.125;247,252,185,255:0.25;217,240,163,255:0.375;173,221,142,255:0.5;120,198,121,255:0.625;65,171,93,255:0.75;35,132,67,255:0.875;0,104,55,255" name="stops" type="QString" />
            </Option>
          </colorramp>
          <item value="0" color="#ffffe5" alpha="255" label="0" />
          <item value="0.125" color="#f7fcb9" alpha="255" label="0.125" />
          <item value="0.25" color="#d9f0a3" alpha="255" label="0.25" />
          <item value="0.375" color="#addd8e" alpha="255" label="0.375" />
          <item value="0.5" color="#78c679" alpha="255" label="0.5" />
          <item value="0.625" color="#41ab5d" alpha="255" label="0.625" />
          <item value="0.75" color="#238443" alpha="255" label="0.75" />
          <item value="0.875" color="#006837" alpha="255" label="0.875" />
          <item value="1" color="#004529" alpha="255" label="1" />
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
