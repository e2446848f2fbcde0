"""The command line. Modules are lean at the top: what a command needs is imported when it runs."""
