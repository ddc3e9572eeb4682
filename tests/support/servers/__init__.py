"""Real S3 servers over real sockets, and the faults of the network between them and a client."""
