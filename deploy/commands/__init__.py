"""Commands of `forvarning` that belong to no single service."""
