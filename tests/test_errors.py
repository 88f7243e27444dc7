import pickle

from bonaface.errors import MOST_TO_COMPARE, MissingExtraError, PictureError, did_you_mean


def test_a_worker_process_can_send_an_error_home():
    came = pickle.loads(pickle.dumps(PictureError("too dark", reason="too_dark")))
    assert (str(came), came.reason) == ("too dark", "too_dark")
    missing = pickle.loads(pickle.dumps(MissingExtraError("training", extra="train")))
    assert (str(missing), missing.extra) == (str(MissingExtraError("training", extra="train")), "train")


def test_among_too_many_words_no_near_one_is_looked_for():
    known = [f"face{number}.jpg" for number in range(MOST_TO_COMPARE)]
    assert did_you_mean("face7.jpgg", known) == "; did you mean 'face7.jpg'?"
    assert did_you_mean("face7.jpgg", [*known, "one more"]) == ""
