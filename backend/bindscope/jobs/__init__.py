"""Long work, embedded or on a cluster: records and their store, the runner, progress, Dask, and what a worker does.

May import analysis, store and below; knows no feature."""
