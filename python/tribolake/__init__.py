"""tribolake: oil-analysis data product, a thin Python wrapper over dbt models on DuckDB."""
