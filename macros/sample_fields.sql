{#- The fields of a harmonised sample that laboratories write, as the seed `lab_fields` names them. -#}
{% macro sample_fields() -%}
    {{ return([
        'sampleNumber', 'sampleDate', 'labDate', 'reportDate', 'site', 'unitId', 'machineFamily', 'machineModel',
        'machineBrand', 'machineHours', 'machineSerialNumber', 'componentName', 'componentHours',
        'componentSerialNumber', 'oilMeter', 'oilBrand', 'oilType', 'oilWeight', 'oilChanged', 'filterChanged',
        'labVerdict', 'labComment',
    ]) }}
{%- endmacro %}
