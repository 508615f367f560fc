"""What Jobs shows."""

from bindscope_dashboard.shared.links import PageState
from bindscope_dashboard.shared.states import JobId


class JobsState(PageState):
    """``job``: the one whose details are shown; empty for none."""

    job: JobId = ""
