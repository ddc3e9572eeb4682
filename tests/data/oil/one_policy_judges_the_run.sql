-- A request for a policy that no seed declares would leave every later table empty without a word.
select
    (select count(*) from {{ ref('active_policy') }}) as policies_found,
    run_request.policy as policy_asked_for
from {{ source('control', 'run_request') }} as run_request
where (select count(*) from {{ ref('active_policy') }}) <> 1
