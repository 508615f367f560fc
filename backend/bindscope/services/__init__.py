"""What features share: models in memory and the embedder, sources, the noise floor, the response cache, provenance.

``container`` alone picks the real parts. Knows no feature.
"""
