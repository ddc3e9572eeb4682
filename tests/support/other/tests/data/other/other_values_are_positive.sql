select * from {{ ref('other_values') }} where value <= 0
