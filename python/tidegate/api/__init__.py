"""The REST API: one file per resource, named like its URL.

`envelope` is the only place that makes a reply's frame, `failures` the only one that turns an
exception into a reply, `credentials` the only one that asks who is calling. `app` puts them
together.
"""
