from pydantic import Field

from bindscope.api.remembered import _form
from bindscope.schemas.probes import ProbeResponse


class WithOneMore(ProbeResponse):
    remark: str = Field("none")


def test_an_answer_kept_under_other_fields_is_no_answer_any_more() -> None:
    assert _form(ProbeResponse) == _form(ProbeResponse)
    assert _form(ProbeResponse) != _form(WithOneMore)
