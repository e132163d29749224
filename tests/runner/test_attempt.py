import json

from runner.attempt import last_of


def test_the_newest_number_in_a_log_that_is_being_written():
    assert last_of(b"", "query") is None
    lines = [json.dumps({"repetition": n, "event": "pass"}) for n in range(900)]
    begun = "\n".join(lines[:2]) + "\n" + '{"event":"operator","rep'
    assert last_of(begun.encode(), "repetition", "pass") == 1
    whole = "\n".join(lines) + "\n" + '{"event":"operator","repetition":7}\n'
    assert last_of(whole.encode()[-500:], "repetition", "pass") == 899
    assert last_of(whole.encode()[-500:], "repetition") == 7
    assert last_of(b'{"query":null}\n{"query":3}\n[]\n', "query") == 3
