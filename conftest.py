"""Makes every pytest run strict about notebooks, a run of one notebook included."""

pytest_plugins = ["notebook_plugin"]
