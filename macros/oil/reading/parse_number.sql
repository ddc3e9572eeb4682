{#-
  The number in digits and marks, or null if they are not a number. The marks in `12,5` and `1.234,5` are unambiguous. A
  single mark before exactly three digits means thousands if the other mark is the decimal one. If that is not known
  (`contradictory`), it means nothing. `1,23,456` is how India groups digits.
-#}
{% macro parse_number(digits, decimal_mark) -%}
    case
        when regexp_full_match({{ digits }}, '[+-]?[0-9]+') then try_cast({{ digits }} as double)
        when {{ decimal_mark }} = 'contradictory' and {{ needs_decimal_mark(digits) }} then null
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
        when regexp_full_match({{ digits }}, '[+-]?[1-9][0-9]?(,[0-9]{2})+,[0-9]{3}([.][0-9]+)?')
            then try_cast(replace({{ digits }}, ',', '') as double)
        when regexp_full_match({{ digits }}, '[+-]?([0-9]+[.,][0-9]*|[.,][0-9]+)')
            then try_cast(replace({{ digits }}, ',', '.') as double)
    end
{%- endmacro %}


{#- Whether digits and marks are a number that the decimal mark decides: `1.234`. -#}
{% macro needs_decimal_mark(digits) -%}
    regexp_full_match({{ digits }}, '[+-]?[1-9][0-9]{0,2}[.,][0-9]{3}')
{%- endmacro %}


{#-
  The decimal mark that a cell proves: `12,5`, `0,125`, `1.234,5` and `1.234.567` prove a comma. Null for `1.234`, for
  whole numbers, and for texts with other digits around a number.
-#}
{% macro proved_decimal_mark(text) -%}
    {%- set around = "'^[^0-9.,]*([0-9.,]+)([^0-9.,]*|[eE][+-]?[0-9]+[^0-9.,]*)[.]?$'" -%}
    {%- set digits = "regexp_extract(" ~ text ~ ", " ~ around ~ ", 1)" -%}
    {%- set proof = [
        '[0-9]{1,3}(A[0-9]{3}){2,}',
        '[0-9]{1,3}(A[0-9]{3})+B[0-9]+',
        '[0-9]*B([0-9]{1,2}|[0-9]{4,})',
        '(0[0-9]*|[0-9]{4,})?B[0-9]{3}',
    ] | join('|') -%}
    case
        when regexp_full_match({{ digits }}, '{{ proof.replace('A', '[.]').replace('B', ',') }}') then ','
        when regexp_full_match({{ digits }}, '{{ proof.replace('A', ',').replace('B', '[.]') }}') then '.'
    end
{%- endmacro %}


{#-
  What the cells of a column prove together: the mark or order of nearly all of the cells that prove one, or
  `contradictory`. One cell in twenty may say otherwise: a typing error costs its own cell only.
-#}
{% macro proved_by_most(proofs, cells) -%}
    case
        when max({{ cells }}) >= 0.95 * sum({{ cells }}) then max_by({{ proofs }}, {{ cells }})
        else 'contradictory'
    end
{%- endmacro %}
