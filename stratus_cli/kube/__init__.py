"""Pure knowledge of Kubernetes objects. No input or output."""
