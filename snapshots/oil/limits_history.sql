{% snapshot limits_history %}

{{ config(
    unique_key=['client', 'machine', 'component', 'essay'],
    strategy='check',
    check_cols=[
        'threshold_normal', 'threshold_alert', 'threshold_critic', 'lower_normal', 'lower_alert', 'lower_critic', 'count',
    ],
    updated_at='observed_at',
    hard_deletes='invalidate'
) }}

-- One row per limit × value that readers saw: valid from the run that published it to the run that changed it.
{{ published_rows(ref('stewart_limits'), [
    'client', 'machine', 'component', 'essay', 'threshold_normal', 'threshold_alert', 'threshold_critic',
    'lower_normal', 'lower_alert', 'lower_critic', 'count', 'quality', 'limits_version',
]) }}

{% endsnapshot %}
