"""Every error a route can answer, as tables of ``ErrorKind``, one module a resource."""
