"""Where heavy work runs: one Dask engine, embedded or a cluster, and what a worker does with a task.

May import analysis, store and below; knows nothing of jobs. Dask itself is imported when the engine starts.
"""
