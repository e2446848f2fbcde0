"""Routes parse, call and shape; none decides."""
