"""The kernels that train, an algorithm a module, and what they share."""
