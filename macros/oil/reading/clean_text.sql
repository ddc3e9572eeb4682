{#-
  A text with plain digits, dashes and single spaces, without invisible characters. Case, accents and other characters
  stay: unlike `normal_form` it keeps `1 234` from becoming `12 34`, and `10²` from becoming `102`.
-#}
{% macro clean_text(text) -%}
    trim(
        regexp_replace(
            regexp_replace(
                translate({{ text }}, '０１２３４５６７８９．，－＋＜＞％−–—‐‑‒’´`٫', '0123456789.,-+<>%------'''''','),
                '[\p{Cf}]+', '', 'g'
            ),
            '[\p{Z}\p{Cc}]+', ' ', 'g'
        )
    )
{%- endmacro %}
