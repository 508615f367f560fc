"""What a result says, in words: every sentence that a page, a report or the command line makes about a result.

Each function takes the numbers (any object with the fields of the wire) and returns a ``Finding`` or a sentence. What
may be claimed is decided by ``core/binding_rules`` alone: nothing here has a threshold of its own, and nothing says
"absent" of what was not looked for. One module for each question, ``words`` for what they share.
"""
