"""A Paste composite of which the option auth_strategy takes one pipeline.

Each key but `use` is the name of a strategy, its value the filters of the pipeline, the outermost
first, and the application at its end.
"""

from __future__ import annotations

from typing import Any

from oslo_config import cfg

from devstack_lite.exceptions import Invalid


def factory(loader: Any, global_conf: Any, **pipelines: str) -> Any:
    """Paste composite factory. Raises Invalid for a strategy that has no pipeline."""
    strategy = cfg.CONF.api.auth_strategy
    if strategy not in pipelines:
        raise Invalid(f"the Paste file has no pipeline for auth_strategy = {strategy}")
    *filters, last = pipelines[strategy].split()
    app = loader.get_app(last, global_conf=global_conf)
    for name in reversed(filters):
        app = loader.get_filter(name, global_conf=global_conf)(app)
    return app
