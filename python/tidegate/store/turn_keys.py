"""TURN keys: what short-lived TURN credentials are made with."""

from tidegate.store import schema
from tidegate.store.secret_resources import SecretResources

turn_keys = SecretResources(schema.turn_keys, "TURN key")
