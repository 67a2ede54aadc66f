"""Grafana's dashboards, written by a program so that they stay readable in review."""
