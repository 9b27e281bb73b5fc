"""A small shop, the faults to inject into it, and what Stratus must make of each.

The same data and the same injector run on the twin and on a real cluster: they use nothing but the
ports Cluster and Clock.
"""
