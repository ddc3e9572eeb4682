-- A name of a folder that is the code of another client would name two clients in commands and messages.
select
    client,
    client_code
from {{ ref('clients') }}
where client <> lower(client_code) and client in (select lower(client_code) from {{ ref('clients') }})
