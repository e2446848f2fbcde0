"""The API's description, ``/openapi.json``. Imported when it is first asked for: a start pays nothing for it."""
