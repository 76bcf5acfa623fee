import unittest

from durations import humanize, parse


class Durations(unittest.TestCase):
    def test_fractions_are_exact(self):
        self.assertEqual(parse("4.1m"), 246)

    def test_order_matters(self):
        for text in ("1m 1h", "1h 2h", "", "-1h", "5"):
            with self.assertRaises(ValueError):
                parse(text)

    def test_round_trip(self):
        for seconds in range(0, 1_000_000, 997):
            self.assertEqual(parse(humanize(seconds)), seconds)


if __name__ == "__main__":
    unittest.main()
