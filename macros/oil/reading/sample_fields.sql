{#- Fields of a harmonized sample from laboratories, named as in the seed `lab_fields`. -#}
{% macro sample_fields() -%}
    {{ return([
        'sampleNumber', 'sampleDate', 'labDate', 'reportDate', 'site', 'unitId', 'machineFamily', 'machineModel',
        'machineBrand', 'machineHours', 'machineSerialNumber', 'componentName', 'componentHours',
        'componentSerialNumber', 'oilMeter', 'oilBrand', 'oilType', 'oilWeight', 'oilChanged', 'filterChanged',
        'labVerdict', 'labComment',
    ]) }}
{%- endmacro %}


{#- The columns of a result in files that have one a row. -#}
{% macro result_fields() -%}
    {{ return(['essayName', 'essayValue', 'essayUnit']) }}
{%- endmacro %}
