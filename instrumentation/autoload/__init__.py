"""The folder that `otelpond run` puts on PYTHONPATH; Python imports `sitecustomize` from it before the service's first line."""
