"""Auctions: how prices are found. The pure clearing engine lives in `rules`."""
