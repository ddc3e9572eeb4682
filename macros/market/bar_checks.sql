{#-
  Whether two numbers differ by more than the rounding of Yahoo, which is to 32 bits: 6e-8. A correction is 1e-6, and
  more than what whole numbers may hide, such as shares that are divided by a reverse split.
-#}
{% macro is_corrected(before, after, hidden='0') -%}
    coalesce(
        abs({{ after }} - {{ before }}) > 1e-6 * greatest(abs({{ after }}), abs({{ before }})) + {{ hidden }},
        ({{ after }} is null) <> ({{ before }} is null)
    )
{%- endmacro %}


{#- Splits by ticker or response, as `product_after` takes them. -#}
{% macro splits_by(key, events, condition='true') -%}
    select
        {{ key }},
        list(struct_pack(day := ex_date, ratio := served_value) order by ex_date) as splits
    from {{ events }}
    where {{ condition }}
    group by {{ key }}
{%- endmacro %}


{#- The product of the ratios of events after a day, in the order of their days: the same bits whatever came first. -#}
{% macro product_after(events, day) -%}
    coalesce(
        list_product(
            list_transform(
                list_filter({{ events }}, lambda event: event.day > {{ day }}),
                lambda event: event.ratio
            )
        ),
        1.0
    )
{%- endmacro %}
