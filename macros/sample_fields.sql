{#- Fields of a harmonized sample from laboratories, named as in the seed `lab_fields`. -#}
{% macro sample_fields() -%}
    {{ return([
        'sampleNumber', 'sampleDate', 'labDate', 'reportDate', 'site', 'unitId', 'machineFamily', 'machineModel',
        'machineBrand', 'machineHours', 'machineSerialNumber', 'componentName', 'componentHours',
        'componentSerialNumber', 'oilMeter', 'oilBrand', 'oilType', 'oilWeight', 'oilChanged', 'filterChanged',
        'labVerdict', 'labComment',
    ]) }}
{%- endmacro %}
