"""The only importer of FastAPI: the HTTP service beside the worker."""
