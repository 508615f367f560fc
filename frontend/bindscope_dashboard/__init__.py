"""The dashboard: a Streamlit app that composes scenes and shows what a model makes of them.

It talks to the service through ``bindscope.client`` and knows the wire (``features/*/schemas`` and ``findings``);
it imports nothing else of Bindscope. ``entry/app.py`` is the entry point, ``launch.command`` starts it.
"""
