-- ISO 4406: each code starts where the one before it ends, so that every count has exactly one code.
select
    code,
    above,
    up_to
from {{ ref('iso4406_codes') }}
qualify
    above <> lag(up_to, 1, above) over (order by code)
    or code <> row_number() over (order by code) - 1
    or (up_to is null and code <> max(code) over ())
    or up_to <= above
