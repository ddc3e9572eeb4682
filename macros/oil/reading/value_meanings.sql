{#-
  One row per row of a relation (laboratory, essay, text) that the seed `value_texts` knows, with its meaning. Texts are
  compared in their normal form. A laboratory's own row goes before that of all, one of the
  essay before one of its group or kind.
-#}
{% macro value_meanings(texts) -%}
    select
        formed.laboratory,
        formed.essay,
        formed.text,
        value_texts.meaning,
        value_texts.limit_value,
        value_texts.code
    from (select *, normal_form(text) as form from {{ texts }}) as formed -- noqa
    inner join {{ ref('value_texts') }} as value_texts
        on
            formed.form = normal_form(value_texts.text)
            and value_texts.laboratory in ('*', formed.laboratory)
    left join {{ ref('essays') }} as essays on formed.essay = essays.essay
    where value_texts.essay in ('*', formed.essay, essays.essay_group, essays.kind)
    qualify
        row_number() over (
            partition by formed.laboratory, formed.essay, formed.text
            order by
                value_texts.laboratory = '*',
                value_texts.essay = '*',
                value_texts.essay in (essays.essay_group, essays.kind),
                value_texts.text
        ) = 1
{%- endmacro %}


{#- Whether a text cannot be a row of `value_texts`: nearly all of them, found without their normal form. -#}
{% macro is_plain_number(text) -%}
    regexp_full_match({{ text }}, '[<>]?[0-9]+([.,][0-9]+)?')
{%- endmacro %}
