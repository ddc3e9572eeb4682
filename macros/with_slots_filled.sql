{#- A sentence with slots such as `{Hierro.value}`, each replaced by the text that the sample has for it. -#}
{% macro with_slots_filled(sentence, slots) -%}
    list_reduce(
        {{ slots }},
        lambda filled, slot: {'name': '', 'text': replace(filled.text, '{' || slot.name || '}', slot.text)},
        {'name': '', 'text': {{ sentence }}}
    ).text
{%- endmacro %}
