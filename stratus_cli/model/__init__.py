"""The nouns of Stratus: frozen data, no input or output, no Kubernetes client."""
