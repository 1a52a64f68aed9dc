"""The service's HTTP side: health, metrics, one page at a glance."""
