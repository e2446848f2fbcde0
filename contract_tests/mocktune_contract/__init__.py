"""The contract of the fine-tuning API as tests: black box, official SDK and HTTP only, against any base URL.

``python -m mocktune_contract`` starts a mocktune server of its own; ``--target URL --api-key KEY`` asks another.
"""
