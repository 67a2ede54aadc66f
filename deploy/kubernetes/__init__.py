"""Kubernetes manifests, written by a program."""
