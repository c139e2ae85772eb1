"""What is true of settlement without a database: codes, statements, amounts, the certificate check.

Nothing is re-exported here: each module is imported by name, so that the command line loads only what it needs.
"""
