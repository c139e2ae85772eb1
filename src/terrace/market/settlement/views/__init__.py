"""Pages of settlement: the public results and checks, the cases of trades, the money desk."""
