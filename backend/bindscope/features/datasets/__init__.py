"""User uploads: archives of pictures with a table, arrays, Parquet. Read and checked before anything is kept.

Nothing is unpickled, fetched or run; each reader gives an ``Upload`` or raises a sentence that names the row or
file.
"""
