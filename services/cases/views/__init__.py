"""What pages and the API show: read under the viewer's own row-level security, and audited."""
