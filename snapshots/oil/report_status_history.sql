{% snapshot report_status_history %}

{{ config(
    unique_key=['client', 'laboratory', 'sampleNumber', 'sampleOccurrence'],
    strategy='check',
    check_cols=['report_status', 'severity_score', 'classification_score', 'breached_essays', 'unitId', 'componentName'],
    updated_at='observed_at',
    hard_deletes='invalidate'
) }}

-- One row per report × status that readers saw: valid from the run that published it to the run that changed it.
{{ published_rows(ref('classified_reports'), [
    'client', 'laboratory', 'sampleNumber', 'sampleDate', 'unitId', 'componentName', 'componentNameNormalized',
    'report_status', 'severity_score', 'classification_score', 'essays_broken', 'breached_essays', 'limits_version',
    'policy', 'sampleOccurrence',
]) }}

{% endsnapshot %}
