"""Request and response models, named as in the public API, one module a resource.

Requests are checked against them; responses are documented by them, and a test holds every rendered object to them.
"""
