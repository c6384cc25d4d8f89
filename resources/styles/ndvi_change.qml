<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis styleCategories="Symbology" version="3.22.0">
  <pipe>
    <rasterrenderer classificationMax="1" band="1" classificationMin="-1" nodataColor="" type="singlebandpseudocolor" opacity="1" alphaBand="-1">
      <rastershader>
        <colorrampshader classificationMode="1" clip="0" colorRampType="INTERPOLATED" maximumValue="1" minimumValue="-1" labelPrecision="6">
          <colorramp name="[source]" type="gradient">
            <Option type="Map">
              <Option value="84,48,5,255" name="color1" type="QString" />
              <Option value="0,60,48,255" name="color2" type="QString" />
              <Option value="0" name="discrete" type="QString" />
              <Option value="gradient" name="rampType" type="QString" />
              <Option value="0.1;140,81,10,255:0.2;191,129,45,255:0.3;223,194,125,255:0.4;246,232,195,255:0.5;245,245,245,255:0.6;199,234,229,255:0.7;128,205,193,255:0.8;53,151,143,255:0.9;1,102,94,255" name="stops" type="QString" />
            </Option>
          </colorramp>
          <item value="-1" color="#543005" alpha="255" label="-1" />
          <item value="-0.8" color="#8c510a" alpha="255" label="-0.8" />
          <item value="-0.6" color="#bf812d" alpha="255" label="-0.6" />
          <item value="-0.4" color="#dfc27d" alpha="255" label="-0.4" />
          <item value="-0.2" color="#f6e8c3" alpha="255" label="-0.2" />
          <item value="0" color="#f5f5f5" alpha="255" label="0" />
          <item value="0.2" color="#c7eae5" alpha="255" label="0.2" />
          <item value="0.4" color="#80cdc1" alpha="255" label="0.4" />
          <item value="0.6" color="#35978f" alpha="255" label="0.6" />
          <item value="0.8" color="#01665e" alpha="255" label="0.8" />
          <item value="1" color="#003c30" alpha="255" label="1" />
          <rampLegendSettings useContinuousLegend="1" prefix="" minimumLabel="" orientation="2" maximumLabel="" suffix="" direction="0">
            <numericFormat id="basic">
              <Option type="Map">
                <Option value="" name="decimal_separator" type="QChar" />
                <Option value="3" name="decimals" type="int" />
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
