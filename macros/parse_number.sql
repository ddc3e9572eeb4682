{#-
  The number in a laboratory's text, or null if the text is not a number.
  The marks in `12,5` and `1.234,5` are unambiguous. A single mark before exactly three digits means thousands only if the
  laboratory uses the other mark for decimals. `5-10` is a range, not a number.
-#}
{% macro parse_number(text, decimal_mark) -%}
    {%- set digits = "regexp_replace(" ~ text ~ ", '^(<=|>=|<|>|≤|≥)\\s*|[\\s%]+$', '', 'g')" -%}
    case
        when regexp_full_match({{ digits }}, '[+-]?[0-9]+') then try_cast({{ digits }} as double)
        when regexp_full_match({{ digits }}, '[+-]?([0-9]+[.,]?[0-9]*|[.,][0-9]+)[eE][+-]?[0-9]+')
            then try_cast(replace({{ digits }}, ',', '.') as double)
        when regexp_full_match({{ digits }}, '[+-]?[1-9][0-9]{0,2}([.][0-9]{3})+,[0-9]+')
            then try_cast(replace(replace({{ digits }}, '.', ''), ',', '.') as double)
        when regexp_full_match({{ digits }}, '[+-]?[1-9][0-9]{0,2}(,[0-9]{3})+[.][0-9]+')
            then try_cast(replace({{ digits }}, ',', '') as double)
        when regexp_full_match({{ digits }}, '[+-]?[1-9][0-9]{0,2}([.][0-9]{3})+')
            and ({{ decimal_mark }} = ',' or {{ digits }} like '%.%.%')
            then try_cast(replace({{ digits }}, '.', '') as double)
        when regexp_full_match({{ digits }}, '[+-]?[1-9][0-9]{0,2}(,[0-9]{3})+')
            and ({{ decimal_mark }} = '.' or {{ digits }} like '%,%,%')
            then try_cast(replace({{ digits }}, ',', '') as double)
        when regexp_full_match({{ digits }}, '[+-]?([0-9]+[.,][0-9]*|[.,][0-9]+)')
            then try_cast(replace({{ digits }}, ',', '.') as double)
    end
{%- endmacro %}
