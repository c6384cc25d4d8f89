<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis styleCategories="Symbology" version="3.22.0">
  <pipe>
    <rasterrenderer classificationMax="1" band="1" classificationMin="0" nodataColor="" type="singlebandpseudocolor" opacity="1" alphaBand="-1">
      <rastershader>
        <colorrampshader classificationMode="1" clip="0" colorRampType="INTERPOLATED" maximumValue="1" minimumValue="0" labelPrecision="6">
          <colorramp name="[source]" type="gradient">
            <Option type="Map">
              <Option value="8,29,88,255" name="color1" type="QString" />
              <Option value="255,255,217,255" name="color2" type="QString" />
              <Option value="0" name="discrete" type="QString" />
              <Option value="gradient" name="rampType" type="QString" />
              <Option value="0.125;37,52,148,255:0.25;34,94,168,255:0.375;29,145,192,255:0.5;66,182,196,255:0.625;128,206,187,255:0.75;200,233,180,255:0.875;237,248,178,255" name="stops" type="QString" />
            </Option>
          </colorramp>
          <item value="0" color="#081d58" alpha="255" label="0" />
          <item value="0.125" color="#253494" alpha="255" label="0.125" />
          <item value="0.25" color="#225ea8" alpha="255" label="0.25" />
          <item value="0.375" color="#1d91c0" alpha="255" label="0.375" />
          <item value="0.5" color="#42b6c4" alpha="255" label="0.5" />
          <item value="0.625" color="#80cebb" alpha="255" label="0.625" />
          <item value="0.75" color="#c8e9b4" alpha="255" label="0.75" />
          <item value="0.875" color="#edf8b2" alpha="255" label="0.875" />
          <item value="1" color="#ffffd9" alpha="255" label="1" />
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
