"""Realtime SFU apps: each an island of sessions and tracks."""

from tidegate.store import schema
from tidegate.store.secret_resources import SecretResources

apps = SecretResources(schema.apps, "app")
