"""Stratus: an SRE copilot for Kubernetes that changes a cluster only in transactions."""

__version__ = "0.1.0"
