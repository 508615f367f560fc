"""What everything stands on: errors, settings, logs, cancellation, the rules of the binding score, shared wire types.

Imports nothing else of Bindscope."""
