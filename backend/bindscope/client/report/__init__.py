"""The report of a model: what is asked of the service, and the HTML page that it becomes."""
