"""Numbers that stand for nothing: what programs write where they have no value.

One place decides which they are, for points, tables and readings. numpy is imported inside
functions, so that loading the plugin stays fast.
"""

from __future__ import annotations

import math
import struct
from collections import Counter
from collections.abc import Iterator

ABSURD = 1e15  # no quantity of this field is as large, in any unit
_HUGE = 1e9  # as large only beside others that are large
_TIMES = 1e6
_SMALL = 9999.0  # a code below it may as well be a value, if there is no other
_MOST = 10_000
_NAMED = 5  # numbers by a sentence of their own
_FAR = 100.0  # so many times the others is kept, but reported


def _codes() -> Iterator[float]:
    """-9999 and its kind: nines, with nines or NASA's 25 behind the point, and ends of integers."""
    whole = ("999", "9999", "99999", "999999", "9999999")
    nines = [float(each + end) for each in whole for end in ("", ".9", ".99", ".999", ".25")]
    for code in nines + [2.0**15 - 1, 2.0**15, 2.0**16 - 1, 2.0**31 - 1, 2.0**31, 2.0**32 - 1]:
        for stored in (code, *struct.unpack("f", struct.pack("f", code))):
            yield from (stored, -stored)


CODES = frozenset(_codes())
SMALLEST = min(map(abs, CODES))


class FillValues:
    """Takes the numbers that mean nothing out of one quantity, batch by batch, and counts them.

    A number means nothing if it is infinite, if nothing is of its size, or if it is one of `CODES`
    and stands apart: farther from all other values than they are from each other, and than half
    of itself. So 9999 among levels of 9,000 to 11,000 m stays what it is. Where nothing else is
    known, -999 and 999 are kept and reported; `is_open` is then true, and `learn` takes more
    values.

    Parameters
    ----------
    title : str
        What the numbers are, such as "the field velocity".

    Attributes
    ----------
    counts : Counter
        How often each such number was taken out.

    Examples
    --------
    >>> fill = FillValues("the field mm")
    >>> fill.remove([-12.5, 3.0, -9999.0, 9.969209968386869e36])
    array([-12.5,   3. ,   nan,   nan])
    >>> fill.sentences()[0]
    'In the field mm 1 value is -9999, which means no value beside -12.5 to 3: taken as NULL.'
    """

    def __init__(self, title: str):
        self.title = title
        self.counts: Counter = Counter()
        self._low, self._high = math.inf, -math.inf
        self._peak = 0.0
        self._apart: Counter = Counter()
        self._open: Counter = Counter()

    def remove(self, values):
        """The values, of any shape, as float64 with NaN for those that mean nothing."""
        import numpy as np

        values = np.asarray(values, float)
        low, high = _ends(values)
        if max(-low, high) < SMALLEST:  # as nearly always
            self._low, self._high = min(self._low, low), max(self._high, high)
        else:
            values = self._without_codes(values)
            low, high = _ends(values)
        if low <= high:
            self._look_for_outliers(values, max(-low, high))
        return values

    def is_open(self, values) -> bool:
        """Whether values may be codes, such as -999, and there is nothing to compare with."""
        import numpy as np

        if not self._alone:  # as nearly always
            return False
        values = np.asarray(values, float)
        size = np.abs(values[np.abs(values) < ABSURD])
        return bool((size < _SMALL).any() and np.isin(size, [*CODES]).all())

    def learn(self, values) -> bool:
        """Compare with values that come later; whether there are any."""
        import numpy as np

        values = np.asarray(values, float)
        self._widen(values[~np.isin(values, self._suspects(values))])
        return not self._alone

    def sentences(self, outliers: bool = True) -> list[str]:
        """What was taken out, a sentence for each number, and the `outliers` that were kept."""
        beside = "" if self._alone else f" beside {self._low:.6g} to {self._high:.6g}"
        found = [
            f"In {self.title} {_many(count)} {value:.10g}, which means no value{beside}: taken as "
            "NULL."
            for value, count in self.counts.most_common(_NAMED)
        ]
        if others := self.counts.most_common()[_NAMED:]:
            count = sum(count for _, count in others)
            low, high = min(others)[0], max(others)[0]
            found.append(
                f"In {self.title} {_many(count)} of this kind too, from {low:.6g} to {high:.6g}: "
                "taken as NULL."
            )
        found += [
            f"In {self.title} {_many(count)} {value:.10g}, with nothing to compare with. They are "
            "kept; if they mean no value, make them NULL."
            for value, count in self._open.items()
            if self._alone or self._is_apart(value)
        ]
        if outliers and (apart := self._outliers()):
            count = sum(apart.values())
            largest = max(apart, key=abs)
            found.append(
                f"In {self.title} {_many(count)} more than {_FAR:g} times as large as all others, "
                f"up to {largest:.10g}. They are kept; if they mean no value, make them NULL."
            )
        return found

    def _suspects(self, values):
        import numpy as np

        suspects = np.unique(values[np.abs(values) >= SMALLEST])
        return suspects[(np.abs(suspects) >= _HUGE) | np.isin(suspects, [*CODES])]

    def _without_codes(self, values):
        import numpy as np

        suspects = self._suspects(values)
        self._widen(values[~np.isin(values, suspects)] if len(suspects) else values)
        # Without any other value, plain ones come before those that may be codes.
        order = (lambda each: abs(each) < _SMALL) if self._alone else self._gap
        suspects = sorted(suspects.tolist(), key=order)
        nothing = [each for each in suspects if self._is_nothing(each)]
        gone = np.isin(values, nothing)
        self._count(self.counts, values[gone])
        if nothing:
            values = np.where(gone, np.nan, values)
        if self._alone:
            self._count(self._open, values[~np.isnan(values)])
        return values

    @staticmethod
    def _count(counts: Counter, values) -> None:
        import numpy as np

        for value, count in zip(*np.unique(values, return_counts=True)):
            counts[float(value)] += int(count)

    @property
    def _alone(self) -> bool:
        """Whether no value is known that means something."""
        return self._low > self._high

    def _widen(self, values) -> None:
        low, high = _ends(values)
        self._low, self._high = min(self._low, low), max(self._high, high)

    def _gap(self, value: float) -> float:
        return max(self._low - value, value - self._high)

    def _is_apart(self, value: float) -> bool:
        return self._gap(value) > max(self._high - self._low, abs(value) / 2)

    def _is_nothing(self, value: float) -> bool:
        """Whether a suspect stands for nothing; if not, it is one of the other values."""
        size, code = abs(value), value in CODES
        if size >= ABSURD:
            return True
        if self._alone and code:
            return size >= _SMALL
        if not self._alone:
            peak = max(abs(self._low), abs(self._high), 1.0)
            if code and self._is_apart(value) or size >= _HUGE and size > _TIMES * peak:
                return True
        self._low, self._high = min(self._low, value), max(self._high, value)
        return False

    def _look_for_outliers(self, values, peak: float) -> None:
        if peak <= _FAR * self._peak:
            self._peak = max(self._peak, peak)
            return
        import numpy as np

        size = np.abs(values)
        limit = _FAR * max(float(np.nanmedian(size)), self._peak)
        beyond = size > limit
        if beyond.sum() > max(1, min(size.size // 4, _MOST)):  # too many to be outliers
            self._peak = peak
            return
        self._peak = max(self._peak, _ends(size[~beyond])[1])
        self._count(self._apart, values[beyond])

    def _outliers(self) -> dict[float, int]:
        """What stands apart beyond all that goes on from the others without a gap."""
        peak = self._peak
        apart = sorted(self._apart, key=abs)
        for i, value in enumerate(apart):
            if peak and abs(value) > _FAR * peak:
                return {each: self._apart[each] for each in apart[i:]}
            peak = max(peak, abs(value))
        return {}


def _ends(values) -> tuple[float, float]:
    """Least and greatest value, infinity and its negative if there is none."""
    import numpy as np

    low = np.fmin.reduce(values, axis=None, initial=np.inf)
    high = np.fmax.reduce(values, axis=None, initial=-np.inf)
    return float(low), float(high)


def _many(count: int) -> str:
    return "1 value is" if count == 1 else f"{count:,} values are"
