"""The queries of alarm quality, over published tables. See `questions/quality.py` for what they mean."""

from __future__ import annotations

from tribolake.oil.contract import COMPONENTS, MACHINES, REJECTED, REPORTS, RESULTS
from tribolake.oil.questions.verdicts import IN_ALARM

KEY = "client, laboratory, sampleNumber, sampleOccurrence"
# Each report with what the laboratory and engineers say of it. Null where they say nothing.
JUDGED = f"""
    verdicts (laboratory, text, asks_for_action) as ({{verdicts}}),

    findings ({KEY}, is_confirmed) as ({{findings}}),

    judged as (
        select
            reports.client, reports.laboratory, reports.sampleNumber, reports.sampleOccurrence,
            coalesce(reports.machineModel, reports.machineName) as machine,
            reports.componentNameNormalized as component,
            strftime(reports.sampleDate, '%Y-%m') as month,
            reports.rule_ids[1] as rule,
            reports.report_status in {IN_ALARM} as is_alarm,
            verdicts.asks_for_action,
            findings.is_confirmed,
            is_alarm and not coalesce(is_confirmed, asks_for_action) as is_false
        from {REPORTS.name} as reports
        left join verdicts
            on reports.laboratory = verdicts.laboratory and lower(reports.labVerdict) = verdicts.text
        left join findings
            on
                lower(reports.client) = findings.client
                and reports.laboratory = findings.laboratory
                and reports.sampleNumber = findings.sampleNumber
                and reports.sampleOccurrence = findings.sampleOccurrence
    )
"""
# A rule matches alarms only. Its recall is its share of what the laboratory wanted action for.
ALARMS = f"""
    with {JUDGED}

    select
        case
            when grouping(component) = 0 then 'component'
            when grouping(rule) = 0 then 'rule'
            when grouping(month) = 0 then 'month'
            else 'all'
        end as part,
        coalesce(component, rule, month) as name,
        count(*) as reports,
        count(*) filter (where is_alarm) as alarms,
        count(*) filter (where is_alarm and asks_for_action is not null) as alarms_with_verdict,
        count(*) filter (where asks_for_action) as actions,
        count(*) filter (where is_alarm and asks_for_action) as alarms_with_action,
        count(*) filter (where is_confirmed) as confirmed,
        count(*) filter (where is_alarm and is_confirmed) as alarms_confirmed,
        count(*) filter (where is_alarm and not is_confirmed) as alarms_not_confirmed,
        count(*) filter (where is_false) as false_alarms,
        round(alarms_with_action / nullif(alarms_with_verdict, 0), 4) as precision,
        round(alarms_with_action / nullif(if(part = 'rule', max(actions) over (), actions), 0), 4) as recall,
        round(alarms_confirmed / nullif(alarms_confirmed + alarms_not_confirmed, 0), 4) as precision_found,
        round(alarms_confirmed / nullif(if(part = 'rule', max(confirmed) over (), confirmed), 0), 4) as recall_found
    from judged
    group by grouping sets ((), (component), (rule), (month))
    qualify part <> 'rule' or rule is not null
    order by part, if(part = 'month', name, null) desc, false_alarms desc, alarms desc, name
"""
LIMITS = f"""
    with {JUDGED}

    select
        judged.machine, judged.component, results.essay, results.unit, results.limit_source,
        count(*) as alarms,
        count(*) filter (where judged.is_false) as false_alarms,
        count(*) filter (where coalesce(judged.is_confirmed, judged.asks_for_action)) as right_alarms
    from {RESULTS.name} as results
    inner join judged using ({KEY})
    where judged.is_alarm and results.decides and results.points > 0
    group by all
    having false_alarms > 0
    order by false_alarms desc, alarms desc, machine, component, essay, unit, limit_source
    limit 20
"""
# The usual interval of a component is the median of the days between its samples, of three or more. Days count to the
# newest sample of the client: what a laboratory has not delivered yet makes no component late.
INTERVALS = f"""
    gaps as (
        select
            client, unitId as unit_id, componentName as component,
            sampleDate - lag(sampleDate) over (
                partition by client, unitId, componentName order by sampleDate, sampleTimestamp
            ) as days
        from {REPORTS.name}
    ),

    usual as (
        select client, unit_id, component, median(days) as usual_days from gaps where days > 0 group by all
        having count(*) >= 3
    ),

    newest as (
        select client, max(sample_date) as newest_date from {COMPONENTS.name} group by client
    ),

    sampled as (
        select
            components.client, components.unit_id, components.component, components.component_family, components.site,
            components.sample_date, usual.usual_days, newest.newest_date - components.sample_date as days,
            days >= 1.5 * usual_days as is_overdue,
            days >= usual_days and not is_overdue as is_due
        from {COMPONENTS.name} as components
        inner join {MACHINES.name} as machines using (client, unit_id)
        inner join newest using (client)
        left join usual using (client, unit_id, component)
        where machines.is_recent
    )
"""
SAMPLED_COUNTS = """
    count(*) as components, median(usual_days) as usual_days, count(*) filter (where is_due) as due,
    count(*) filter (where is_overdue) as overdue, count(*) filter (where usual_days is null) as unknown
"""
SAMPLING = f"""
    with {INTERVALS}

    select component_family as component, {SAMPLED_COUNTS} from sampled group by all
    order by overdue desc, components desc, component
"""
OVERDUE = f"""
    with {INTERVALS}

    select client, unit_id, component, sample_date, usual_days, days, round(days / usual_days, 1) as intervals
    from sampled where is_overdue order by days / usual_days desc, client, unit_id, component limit 20
"""
SITES = f"""
    with {INTERVALS},

    results_of_sites as (
        select
            reports.client, reports.site, count(*) as results,
            count(*) filter (where results.rejection is not null) as rejected
        from {RESULTS.name} as results
        inner join (select {KEY}, site from {REPORTS.name}) as reports using ({KEY})
        where not coalesce(results.is_computed, false)
        group by all
    ),

    sampled_sites as (
        select client, site, {SAMPLED_COUNTS} from sampled group by all
    )

    select
        coalesce(sampled_sites.client, results_of_sites.client) as client,
        coalesce(sampled_sites.site, results_of_sites.site) as site,
        coalesce(components, 0) as components,
        round(1 - (due + overdue) / nullif(components - unknown, 0), 4) as on_time,
        coalesce(results, 0) as results, coalesce(rejected, 0) as rejected,
        round(1 - rejected / nullif(results, 0), 4) as used
    from sampled_sites
    full join results_of_sites
        on
            sampled_sites.client = results_of_sites.client
            and sampled_sites.site is not distinct from results_of_sites.site
    order by all
"""
NOT_USED = f"""
    select client, reason, subject, count(*) as things, count(distinct file_key) as files from {REJECTED.name}
    where reason not in ('unknown_sheet', 'unknown_column', 'unknown_essay')
    group by all order by client, things desc, reason
"""
EXAMPLES = f"""
    select
        client, reason, file_key, sheet, row_number as row, column_name, sampleNumber, essay, text,
        (client, sampleNumber) in (select (client, sampleNumber) from {REPORTS.name}) as is_published
    from {REJECTED.name}
    where row_number is not null
    qualify row_number() over (partition by client, reason order by file_key desc, sheet, row_number, column_name) <= 3
    order by all
"""
UNMAPPED = f"""
    select client, reason, text as name, count(distinct file_key) as files, max(file_key) as file from {REJECTED.name}
    where reason in ('unknown_sheet', 'unknown_column', 'unknown_essay')
    group by all order by files desc, client, reason, name limit 100
"""
