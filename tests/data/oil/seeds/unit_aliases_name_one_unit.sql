-- An alias of an alias, or two units for one name, would make the name of a unit depend on the order of rows.
with

aliases as (
    select
        lower(client) as client,
        upper(replace(plain_spelling(unit), '-', '_')) as unit_form,
        upper(replace(plain_spelling(alias_of), '-', '_')) as alias_form
    from {{ ref('unit_aliases') }}
)

select
    client,
    unit_form
from aliases
where (client, alias_form) in (select (chained.client, chained.unit_form) from aliases as chained)
union all
select
    client,
    unit_form
from aliases
group by client, unit_form
having count(*) > 1
