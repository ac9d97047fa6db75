"""tidegate bench: what the command line refuses before anything is started."""

import pytest
from tidegate.cli import main


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["bench", "relay", "fastest"], "no such mode: fastest"),
        (["bench", "relay", "--draft", "15"], "15"),
        (["bench", "relay", "--url", "relay.example"], "host and port are needed"),
    ],
)
def test_what_makes_no_sense_is_one_line(
    words: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    told = capsys.readouterr().err
    assert ended.value.code == 2
    assert problem in told
    assert told.count("\n") == 1
