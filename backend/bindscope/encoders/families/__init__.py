"""One module a family of models, each behind ``encoders.protocol``. Heavy libraries are imported on use."""
