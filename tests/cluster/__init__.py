"""The real test bed: Kubernetes on one Linux machine, without container images from outside."""
