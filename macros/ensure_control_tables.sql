{#-
  Make the control tables that are missing. The wrapper has left its request in them; plain `dbt build` asks for the
  default policy, every client and a listing of bronze, under a new run id.
-#}
{% macro ensure_control_tables() -%}
    {{ platform_control_tables() }}
    {{ oil_control_tables() }}
    insert into control.run_request by name
    select
        '{{ invocation_id }}' as run_id,
        'default' as policy,
        null as clients,
        false as retry_failed,
        false as recalculate_limits,
        current_timestamp as requested_at,
        'es' as language,
        false as has_found_files
    where not exists (select 1 from control.run_request);
    {%- if target.name != 'lake' and flags.WHICH in ('build', 'run', 'snapshot') %}
        update control.run_request
        set
            run_id = '{{ invocation_id }}',
            recalculate_limits = false,
            requested_at = current_timestamp,
            has_found_files = false;
    {%- endif %}
{%- endmacro %}
