{#-
  The text of a result, cut if it is longer than any. The mark at its end keeps the beginning from being read as a number.
  Files with many long texts would fill the memory of a run.
-#}
{% macro short_text(text) -%}
    if(length({{ text }}) > 1000, left({{ text }}, 999) || '…', {{ text }})
{%- endmacro %}
