"""The pure rules of auctions: `clearing` (sealed forms), `bundle` (re-runnable results), `ascending` (the live form)."""
