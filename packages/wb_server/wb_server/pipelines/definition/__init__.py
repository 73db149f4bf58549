"""The pipeline file: models, parsing, checking, expressions, and when its schedule fires."""
