"""The pages: pickers, one call, figures. Each view's docstring says how somebody uses it."""
