"""Training of the models that come with Bindscope, and their card."""
