"""The filters of the pipelines; each has a Paste factory and can be reordered or left out."""
