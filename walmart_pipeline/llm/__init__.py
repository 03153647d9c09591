"""Calls to models: clients, the dispatcher, the ledger, prices, batches."""
