{{ config(materialized='table', schema='gold') }}
select
    arrivals.client,
    arrivals.file_key as name,
    {{ in_units('arrivals.value') }} as value
from {{ ref('other_arrivals') }} as arrivals
inner join {{ ref('other_units') }} as units on arrivals.client = units.client
