"""The HTTP adapter: routes parse, call and shape; one layer in front answers hot operations and refuses bad callers."""
