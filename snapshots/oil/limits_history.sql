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
-- Where an essay has limits in two scales, the further one is named with its unit, for instance `Hollín (UFM)`.
with

limits as (
    select * replace (
        if(
            count(*) over (partition by client, machine, component, essay) > 1
            and (essay, unit) in (select (essay, unit) from {{ ref('essay_scales') }}),
            essay || ' (' || unit || ')',
            essay
        ) as essay
    )
    from {{ ref('stewart_limits') }}
)

{{ published_rows('limits', [
    'client', 'machine', 'component', 'essay', 'threshold_normal', 'threshold_alert', 'threshold_critic',
    'lower_normal', 'lower_alert', 'lower_critic', 'count', 'quality', 'limits_version',
]) }}

{% endsnapshot %}
