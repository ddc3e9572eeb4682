"""A product made for a test: whole numbers in text files, published for each client."""

from tribolake.product import Contract, Entity, Product, PublicTable, Sources, Steps, Warehouse

VALUES = PublicTable("other_values", "gold.other_values", key=("name",), order=("name",))
SAMPLES = PublicTable("harmonized", "bronze.other_arrivals", key=("file_key",), order=("file_key",))

OTHER = Product(
    name="other",
    address=f"{__name__}:OTHER",
    contract=Contract(
        schema_version="1.0",
        tables=(VALUES,),
        samples=SAMPLES,
        entities=(Entity("other_values", VALUES),),
        sources="""
            select file_key, version_id, sha256, size_bytes from bronze.other_arrivals
            where client = $client order by all
        """,
        change_log="other/logs/changes.jsonl",
    ),
    warehouse=Warehouse(
        arrivals="bronze.other_arrivals",
        from_files=("bronze.other_arrivals",),
        arrived="""
            select client, count(*), count(*), count(*), 0, 0 from bronze.other_arrivals
            where arrived_at >= $since group by client
        """,
        samples="select client, count(*) from bronze.other_arrivals group by client",
        touched="select distinct client from bronze.other_arrivals",
        troubles="select name as identity, concat(name, ' is large') as words from gold.other_values where value > 100",
    ),
    sources=Sources(python=("python/tribolake/other/*.py",), readers=()),
    clients=lambda: ["acme"],
    policies=lambda: ["default"],
    steps=lambda: Steps(reasons=lambda *_: {}, before_build=lambda *_: None),
    prefix="other",
)
