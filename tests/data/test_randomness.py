from __future__ import annotations

import numpy as np

from bonaface.data.randomness import generator


def test_the_same_words_give_the_same_stream():
    a, b = generator("train", 7, 0, 12), generator("train", 7, 0, 12)
    np.testing.assert_array_equal(a.random(50), b.random(50))


def test_the_stream_is_the_same_on_every_machine():
    # first half of: printf '1\0print\0A000014' | sha256sum
    witness = np.random.default_rng(0x28B6793BB83207BAB44C267DA3BC6B70)
    assert generator(1, "print", "A000014").integers(1000, size=4).tolist() == [96, 174, 291, 949]
    assert witness.integers(1000, size=4).tolist() == [96, 174, 291, 949]


def test_other_words_give_another_stream():
    words = [(1, 2), (2, 1), (12,), ("1", "2", ""), ("a", "bc"), ("ab", "c"), ("abc",), ()]
    assert len({generator(*some).integers(2**62) for some in words}) == len(words)


def test_a_number_and_its_digits_are_one_word():
    assert generator(14).integers(2**62) == generator("14").integers(2**62)


def test_streams_of_neighbouring_samples_are_not_related():
    draws = np.array([generator("train", 0, 0, index).random() for index in range(2000)])
    assert abs(draws.mean() - 0.5) < 0.03  # 4.6 standard errors
    assert abs(np.corrcoef(draws[:-1], draws[1:])[0, 1]) < 0.1  # likewise
