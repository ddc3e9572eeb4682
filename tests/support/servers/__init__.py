"""Real S3 servers over real sockets, and network faults between them and a client."""
