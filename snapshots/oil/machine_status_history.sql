{% snapshot machine_status_history %}

{{ config(
    unique_key=['client', 'unit_id'],
    strategy='check',
    check_cols=['overall_status', 'machine_score', 'latest_sample_date', 'component_details'],
    updated_at='observed_at',
    hard_deletes='invalidate'
) }}

-- One row per unit × status that readers saw: valid from the run that published it to the run that changed it.
{{ published_rows(ref('machine_status_current'), [
    'client', 'unit_id', 'overall_status', 'machine_score', 'priority_score', 'latest_sample_date', 'worst_component',
    'total_components', 'components_anormal', 'components_alerta', 'components_normal', 'components_sin_evaluar',
    'component_details',
]) }}

{% endsnapshot %}
