"""Pages of rights: the registry with its cases, and what bars a firm or a right (conduct, court orders)."""
