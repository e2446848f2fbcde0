"""A client's command run against scenarios, each in a sandbox of its own, and what is to be said of it afterwards."""
