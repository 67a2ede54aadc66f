"""The Swedish pages: rendered on the server, complete without JavaScript."""

from services.cases.web.install import install

__all__ = ["install"]
