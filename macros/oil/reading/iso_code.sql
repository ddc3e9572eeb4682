{#-
  An ISO 4406 code in its plain form, `18/16/13` or `>21/19/16`, or null. Spaces, `ISO 4406:` before it, flags behind it
  and other marks between its numbers do not count. `-/16/13` has no number for 4 µm.
-#}
{% macro iso_code(text) -%}
    {%- set number = '[>≥]?[0-9]{1,2}' -%}
    {%- set code = '(?:[-*]/)?' ~ number ~ '(?:[/\\\\|]' ~ number ~ '){1,2}|' ~ number ~ '(?:-' ~ number ~ '){2}' -%}
    {%- set parts = "regexp_extract(normal_form(" ~ text ~ "), '^(?:iso)?(?:4406)?(?:[:-](?:19)?99|[:-]20(?:17|21))?:?("
        ~ code ~ ")([^0-9].*)?$', ['code', 'after'])" -%}
    case
        when
            {{ parts }}.after = ''
            or {{ parts }}.after in (select normal_form(flag) from {{ ref('value_flags') }} where place = 'after')
            then nullif(translate(regexp_replace({{ parts }}.code, '-([0-9>≥])', '/\1', 'g'), '\|≥', '//>'), '')
    end
{%- endmacro %}
