<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis styleCategories="Symbology" version="3.22.0">
  <renderer-v2 enableorderby="0" forceraster="0" referencescale="-1" attr="error" graduatedMethod="GraduatedColor" type="graduatedSymbol" symbollevels="0">
    <ranges>
      <range lower="-1.000000000000000" render="true" upper="-0.500000000000000" label="-1 to -0.5" symbol="0" />
      <range lower="-0.500000000000000" render="true" upper="-0.250000000000000" label="-0.5 to -0.25" symbol="1" />
      <range lower="-0.250000000000000" render="true" upper="-0.100000000000000" label="-0.25 to -0.1" symbol="2" />
      <range lower="-0.100000000000000" render="true" upper="0.100000000000000" label="-0.1 to 0.1" symbol="3" />
      <range lower="0.100000000000000" render="true" upper="0.250000000000000" label="0.1 to 0.25" symbol="4" />
      <range lower="0.250000000000000" render="true" upper="0.500000000000000" label="0.25 to 0.5" symbol="5" />
      <range lower="0.500000000000000" render="true" upper="1.000000000000000" label="0.5 to 1" symbol="6" />
    </ranges>
    <symbols>
      <symbol name="0" force_rhr="0" type="marker" alpha="1" clip_to_extent="1">
        <layer enabled="1" class="SimpleMarker" pass="0" locked="0">
          <Option type="Map">
            <Option value="127,59,8,255" name="color" type="QString" />
            <Option value="circle" name="name" type="QString" />
            <Option value="80,80,80,255" name="outline_color" type="QString" />
            <Option value="solid" name="outline_style" type="QString" />
            <Option value="0.1" name="outline_width" type="QString" />
            <Option value="MM" name="outline_width_unit" type="QString" />
            <Option value="1.8" name="size" type="QString" />
            <Option value="MM" name="size_unit" type="QString" />
          </Option>
        </layer>
      </symbol>
      <symbol name="1" force_rhr="0" type="marker" alpha="1" clip_to_extent="1">
        <layer enabled="1" class="SimpleMarker" pass="0" locked="0">
          <Option type="Map">
            <Option value="224,130,20,255" name="color" type="QString" />
            <Option value="circle" name="name" type="QString" />
            <Option value="80,80,80,255" name="outline_color" type="QString" />
            <Option value="solid" name="outline_style" type="QString" />
            <Option value="0.1" name="outline_width" type="QString" />
            <Option value="MM" name="outline_width_unit" type="QString" />
            <Option value="1.8" name="size" type="QString" />
            <Option value="MM" name="size_unit" type="QString" />
          </Option>
        </layer>
      </symbol>
      <symbol name="2" force_rhr="0" type="marker" alpha="1" clip_to_extent="1">
        <layer enabled="1" class="SimpleMarker" pass="0" locked="0">
          <Option type="Map">
            <Option value="253,184,99,255" name="color" type="QString" />
            <Option value="circle" name="name" type="QString" />
            <Option value="80,80,80,255" name="outline_color" type="QString" />
            <Option value="solid" name="outline_style" type="QString" />
            <Option value="0.1" name="outline_width" type="QString" />
            <Option value="MM" name="outline_width_unit" type="QString" />
            <Option value="1.8" name="size" type="QString" />
            <Option value="MM" name="size_unit" type="QString" />
          </Option>
        </layer>
      </symbol>
      <symbol name="3" force_rhr="0" type="marker" alpha="1" clip_to_extent="1">
        <layer enabled="1" class="SimpleMarker" pass="0" locked="0">
          <Option type="Map">
            <Option value="247,247,247,255" name="color" type="QString" />
            <Option value="circle" name="name" type="QString" />
            <Option value="80,80,80,255" name="outline_color" type="QString" />
            <Option value="solid" name="outline_style" type="QString" />
            <Option value="0.1" name="outline_width" type="QString" />
            <Option value="MM" name="outline_width_unit" type="QString" />
            <Option value="1.8" name="size" type="QString" />
            <Option value="MM" name="size_unit" type="QString" />
          </Option>
        </layer>
      </symbol>
      <symbol name="4" force_rhr="0" type="marker" alpha="1" clip_to_extent="1">
        <layer enabled="1" class="SimpleMarker" pass="0" locked="0">
          <Option type="Map">
            <Option value="178,171,210,255" name="color" type="QString" />
            <Option value="circle" name="name" type="QString" />
            <Option value="80,80,80,255" name="outline_color" type="QString" />
            <Option value="solid" name="outline_style" type="QString" />
            <Option value="0.1" name="outline_width" type="QString" />
            <Option value="MM" name="outline_width_unit" type="QString" />
            <Option value="1.8" name="size" type="QString" />
            <Option value="MM" name="size_unit" type="QString" />
          </Option>
        </layer>
      </symbol>
      <symbol name="5" force_rhr="0" type="marker" alpha="1" clip_to_extent="1">
        <layer enabled="1" class="SimpleMarker" pass="0" locked="0">
          <Option type="Map">
            <Option value="128,115,172,255" name="color" type="QString" />
            <Option value="circle" name="name" type="QString" />
            <Option value="80,80,80,255" name="outline_color" type="QString" />
            <Option value="solid" name="outline_style" type="QString" />
            <Option value="0.1" name="outline_width" type="QString" />
            <Option value="MM" name="outline_width_unit" type="QString" />
            <Option value="1.8" name="size" type="QString" />
            <Option value="MM" name="size_unit" type="QString" />
          </Option>
        </layer>
      </symbol>
      <symbol name="6" force_rhr="0" type="marker" alpha="1" clip_to_extent="1">
        <layer enabled="1" class="SimpleMarker" pass="0" locked="0">
          <Option type="Map">
            <Option value="45,0,75,255" name="color" type="QString" />
            <Option value="circle" name="name" type="QString" />
            <Option value="80,80,80,255" name="outline_color" type="QString" />
            <Option value="solid" name="outline_style" type="QString" />
            <Option value="0.1" name="outline_width" type="QString" />
            <Option value="MM" name="outline_width_unit" type="QString" />
            <Option value="1.8" name="size" type="QString" />
            <Option value="MM" name="size_unit" type="QString" />
          </Option>
        </layer>
      </symbol>
    </symbols>
  </renderer-v2>
</qgis>
