{{ config(materialized='table', schema='gold') }}
select
    arrivals.client,
    arrivals.file_key as name,
    arrivals.value * units.factor as value
from {{ ref('other_arrivals') }} as arrivals
inner join {{ ref('other_units') }} as units on arrivals.client = units.client
