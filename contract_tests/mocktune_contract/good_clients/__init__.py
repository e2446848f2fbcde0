"""Good clients: they survive what can be survived, and give up on the rest and say why.

Each is to be read as an example; ``docs/explanation/good-client.md`` says what they have in common. Here they run on a
sandbox's time (``errand.py``); with ``time.sleep``, their default, they would run against the real service.
"""
