import pickle

from bonaface.errors import MissingExtraError, PictureError


def test_a_worker_process_can_send_an_error_home():
    came = pickle.loads(pickle.dumps(PictureError("too dark", reason="too_dark")))
    assert (str(came), came.reason) == ("too dark", "too_dark")
    missing = pickle.loads(pickle.dumps(MissingExtraError("training", extra="train")))
    assert (str(missing), missing.extra) == (str(MissingExtraError("training", extra="train")), "train")
