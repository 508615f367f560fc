from pydantic import Field

from bindscope.features.probes.schemas import ProbeResponse
from bindscope.services.analyses import _form


class WithOneMore(ProbeResponse):
    remark: str = Field("none")


def test_an_answer_kept_under_other_fields_is_no_answer_any_more() -> None:
    assert _form(ProbeResponse) == _form(ProbeResponse)
    assert _form(ProbeResponse) != _form(WithOneMore)
