"""Load, decide, store: one module a resource. Knows ports, no HTTP and no storage engine."""
