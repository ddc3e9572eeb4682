{#- Mark the tickers of this build as computed, in the transaction of its last model. -#}
{% macro remember_computed_tickers() -%}
    delete from control.computed_tickers where ticker in (select ticker from {{ ref('touched_tickers') }});
    insert into control.computed_tickers
    select ticker, state from {{ ref('touched_tickers') }} where state is not null;
{%- endmacro %}


{#- A full refresh computes everything, so it removes all marks. -#}
{% macro forget_computed_tickers() -%}
    {%- if flags.FULL_REFRESH %}
        delete from control.computed_tickers;
    {%- endif %}
{%- endmacro %}
