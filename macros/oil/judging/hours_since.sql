{#- The most hours that a meter can count between two samples, by their days. A meter that counts more is not read. -#}
{% macro hours_since(previous, sample) -%}
    24 * (date_diff('day', {{ previous }}.sampleDate, {{ sample }}.sampleDate) + 1)
{%- endmacro %}


{#- Whether a sample is of another component than the one before: its hours fell, and are no more than have passed. -#}
{% macro is_another_component(previous, sample) -%}
    coalesce(
        {{ sample }}.componentHours < {{ previous }}.componentHours
        and {{ sample }}.componentHours <= {{ hours_since(previous, sample) }},
        false
    )
{%- endmacro %}


{#-
  Whether the hours of a machine tell its age. They do not where they are those of the sample before or fewer, or where
  oil or component have more.
-#}
{% macro tells_age_of_machine(previous, sample) -%}
    coalesce({{ sample }}.machineHours > {{ previous }}.machineHours, true)
    and coalesce({{ sample }}.machineHours >= {{ sample }}.oilMeter, true)
    and coalesce({{ sample }}.machineHours >= {{ sample }}.componentHours, true)
{%- endmacro %}


{#- Whether a meter of oil tells its age: not where it is a copy of the machine's, unless the machine is new. -#}
{% macro tells_age_of_oil(sample) -%}
    coalesce({{ sample }}.oilMeter <> {{ sample }}.machineHours or {{ sample }}.oilMeter <= 1000, true)
{%- endmacro %}


{#-
  Whether the oil has fewer hours than that of the sample before, by its meter or by the note of that sample. An oil
  that was changed since, and has as many hours again, is not newer.
-#}
{% macro has_newer_oil(previous, sample) -%}
    (
        ({{ sample }}.oilMeter < {{ previous }}.oilMeter and {{ tells_age_of_oil(previous) }})
        or (
            {{ previous }}.oilChanged = 'Y'
            and not coalesce({{ sample }}.oilMeter >= {{ previous }}.oilMeter and {{ tells_age_of_oil(sample) }}, false)
        )
    )
    and coalesce({{ sample }}.oilMeter <= {{ hours_since(previous, sample) }}, true)
{%- endmacro %}
