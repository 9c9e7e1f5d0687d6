"""The service (extra `serve`): what is stored, over HTTP, for whom it is. It computes nothing."""
