"""Turns a messy catalog into listings that Walmart.com accepts, and learns from the results."""
